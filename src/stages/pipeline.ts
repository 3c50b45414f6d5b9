import { reach } from '../crash-point.ts'
import { TidewatchError } from '../errors.ts'
import type { BatchContext, SourceBatch } from '../sources/source.ts'
import type { RangeKey, Row, TokenBase } from '../store/store.ts'
import type { Checkpointing } from './checkpointing.ts'
import type { CheckpointRows } from './checkpoints.ts'
import type { Claim, Claims } from './claims.ts'
import { type Outcome, OutcomeBuilder } from './outcome.ts'
import type { PoisonGuard } from './poison.ts'
import type { Stage } from './stage.ts'

/** A frozen range and everything that it caused. */
export interface FormedRange {
  readonly range: RangeKey
  readonly base: TokenBase
  readonly records: number
  readonly outcome: Outcome
  /** An earlier owner began it, and may have written a part of it whoever knows how long ago. */
  readonly resumed: boolean
  /** Manifest of the state behind the range, whose parts are stored already; none where no checkpoint is due. */
  readonly checkpoint: readonly Row[]
}

export interface PipelineOptions<S extends Stage = Stage> {
  readonly createStages: () => S
  readonly guard: PoisonGuard
  /** What the tokens of ranges that begin now are made from. */
  readonly base: TokenBase
  /** The last offset of a partition that the store has; null where it knows nothing. */
  readonly stored: (topic: string, epoch: string, partition: number) => Promise<number | null>
  /** Null: ranges are as the source delivers them. */
  readonly claims: Claims | null
  /** Null: state is not saved. With it, the log must be one partition. */
  readonly checkpoints: Checkpointing | null
  /** Makes a range durable, exactly once however often it is repeated; rejects only when it gives up. */
  readonly write: (formed: FormedRange) => Promise<void>
  /** Called once for each range after it is durable. */
  readonly written: (formed: FormedRange) => void
  /** Told where the log no longer holds what a state has to be rebuilt from: the first offset that is missing, and the first that is there. */
  readonly onHole?: (topic: string, partition: number, from: number, to: number) => void
  /** Told of what stored records cause when they are read again to rebuild the state. Absent: nobody hears of it. */
  readonly heldBack?: (outcome: Outcome, records: number) => Promise<void>
}

interface Partition {
  /** Last offset that the store has; -1 where it knows nothing. */
  stored: number
  /** Last offset that went through the stages. */
  applied: number
  /** The range in work. */
  forming: Forming | null
  /** Formed but not yet durable: written again, never formed again. */
  formed: { readonly range: FormedRange; readonly checkpoint: CheckpointRows | null } | null
}

interface Forming {
  readonly range: RangeKey
  readonly base: TokenBase
  readonly outcome: OutcomeBuilder
  /** False for what an earlier process claimed: a restart gets past the records that made the guard stop it. */
  readonly guarded: boolean
  records: number
}

/** A heartbeat after so many bytes of records. */
const HEARTBEAT_BYTES = 4 * 2 ** 20

/**
 * Exact delivery over ordered logs. The store's record decides where to go on; ranges are claimed before their first row is written, and
 * a claimed range is formed again exactly, whatever the source's batches are; state that is younger than the last checkpoint is rebuilt
 * from the log with its output held back. Batches of several partitions take turns, so that the order of what the detectors see is
 * the order of delivery.
 */
export class Pipeline<S extends Stage = Stage> {
  private readonly options: PipelineOptions<S>
  private readonly partitions = new Map<string, Promise<Partition>>()
  private stages: S
  private turn: Promise<unknown> = Promise.resolve()

  constructor(options: PipelineOptions<S>) {
    this.options = options
    this.stages = options.createStages()
  }

  /** Event time up to which the log has come, microseconds; null before the first event. */
  get watermark(): number | null {
    return this.stages.watermark
  }

  /** The stages as they are now; a restored state makes new ones. */
  get current(): S {
    return this.stages
  }

  /** The first offset that is needed of a partition: `resume` of `Source.start`. Null where neither store nor claim knows it. */
  async place(topic: string, epoch: string, partition: number): Promise<number | null> {
    const { stored, applied, forming } = await this.open(topic, epoch, partition)
    return stored < 0 && applied < 0 && !forming ? null : applied + 1
  }

  /** Takes a batch in. Resolves once all that its records caused is durable, as far as the ranges that they belong to are whole. */
  handle(batch: SourceBatch, context: BatchContext): Promise<void> {
    return this.inTurn(() => this.process(batch, context))
  }

  /** Saves the state if everything that was taken in is stored, so that the next start has nothing to replay. After the source has stopped. */
  async rest(): Promise<void> {
    await this.inTurn(async () => {
      for (const opening of this.partitions.values()) {
        const { stored, applied, forming, formed } = await opening
        if (applied === stored && !forming && !formed) await this.options.checkpoints?.save(this.stages, applied)
      }
    })
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.turn.then(work)
    this.turn = run.catch(() => {})
    return run
  }

  private open(topic: string, epoch: string, partition: number): Promise<Partition> {
    const key = JSON.stringify([topic, epoch, partition])
    let opening = this.partitions.get(key)
    if (opening === undefined) {
      opening = this.recover(topic, epoch, partition)
      this.partitions.set(key, opening)
      opening.catch(() => this.partitions.delete(key))
    }
    return opening
  }

  private async recover(topic: string, epoch: string, partition: number): Promise<Partition> {
    const { claims, checkpoints, createStages } = this.options
    if (checkpoints && this.partitions.size > 0) throw new TidewatchError('TW_INTERNAL', 'checkpoints over several partitions')
    const claim = (await claims?.latest(topic, epoch, partition)) ?? null
    const stored = (await this.options.stored(topic, epoch, partition)) ?? -1
    // A claim that does not begin where the store ends is of another store, and nothing of it stands in this one.
    const pending = claim !== null && claim.last > stored && (stored < 0 || claim.first === stored + 1) ? claim : null
    const restored = (await checkpoints?.restore(topic, epoch, partition, stored, createStages)) ?? null
    if (restored) this.stages = restored.stages
    return {
      stored,
      applied: restored?.offset ?? (stored < 0 && pending ? pending.first - 1 : -1),
      forming: pending && begun(pending, false),
      formed: null,
    }
  }

  private async process(batch: SourceBatch, context: BatchContext): Promise<void> {
    const partition = await this.open(batch.topic, batch.epoch, batch.partition)
    if (partition.formed) await this.persist(partition)
    while (partition.applied < batch.last) {
      if (partition.applied < partition.stored) {
        await this.replay(partition, batch, context)
      } else {
        partition.forming ??= await this.begin(partition, batch)
        await this.apply(partition, batch, partition.forming, context)
        if (partition.applied < partition.forming.range.last) continue
        partition.formed = this.form(partition.forming)
        partition.forming = null
        await this.persist(partition)
      }
    }
  }

  /** Freezes the range that a batch brings, from where the store ends. */
  private async begin({ stored, applied }: Partition, batch: SourceBatch): Promise<Forming> {
    const { topic, epoch, partition, last } = batch
    const first = stored < 0 ? Math.max(batch.first, applied + 1) : stored + 1
    const claim = { topic, epoch, partition, first, last, ...this.options.base }
    reach('claiming')
    await this.options.claims?.claim(claim)
    reach('claimed')
    return begun(claim, true)
  }

  /** Takes in what is stored already: the state follows the log, and nobody hears of it. */
  private async replay(partition: Partition, batch: SourceBatch, context: BatchContext): Promise<void> {
    const from = partition.applied + 1
    // Nothing was ever taken in, where a state is built from what there is.
    if (from > 0 && batch.first > from) this.options.onHole?.(batch.topic, batch.partition, from, batch.first)
    const held = { outcome: new OutcomeBuilder(), records: 0 }
    await this.through(partition, batch, partition.stored, held, null, context)
    await this.options.heldBack?.(held.outcome, held.records)
  }

  private async apply(partition: Partition, batch: SourceBatch, forming: Forming, context: BatchContext): Promise<void> {
    const guard = forming.guarded ? this.options.guard : null
    await this.through(partition, batch, forming.range.last, forming, guard, context)
  }

  /**
   * Takes the records of a batch up to an offset through the stages, those before `applied` left out. What fails in the middle goes on
   * behind the last whole record.
   */
  private async through(
    partition: Partition,
    batch: SourceBatch,
    to: number,
    target: { readonly outcome: OutcomeBuilder; records: number },
    guard: PoisonGuard | null,
    context: BatchContext,
  ): Promise<void> {
    let sinceHeartbeat = 0
    for (const record of batch.records) {
      if (record.offset <= partition.applied) continue
      if (record.offset > to) break
      const refused = this.stages.apply(batch, record, target.outcome)
      partition.applied = record.offset
      this.options.checkpoints?.note(record)
      guard?.note(batch.topic, batch.partition, refused)
      target.records++
      sinceHeartbeat += record.value.length
      if (sinceHeartbeat > HEARTBEAT_BYTES) {
        sinceHeartbeat = 0
        await context.heartbeat()
      }
    }
    partition.applied = Math.max(partition.applied, Math.min(batch.last, to))
  }

  private form({ range, base, outcome, records, guarded }: Forming): NonNullable<Partition['formed']> {
    const { checkpoints } = this.options
    const checkpoint = checkpoints?.due(this.watermark) ? checkpoints.rows(this.stages, range.last) : null
    return { range: { range, base, records, outcome, resumed: !guarded, checkpoint: checkpoint ? [checkpoint.manifest] : [] }, checkpoint }
  }

  private async persist(partition: Partition): Promise<void> {
    const { range, checkpoint } = partition.formed!
    const { checkpoints, write } = this.options
    if (checkpoint) await checkpoints!.storeParts(checkpoint)
    await write(range)
    partition.formed = null
    partition.stored = range.range.last
    if (checkpoint) checkpoints!.stored(checkpoint.checkpoint, this.watermark)
    reach('stored')
    this.options.written(range)
  }
}

function begun({ topic, epoch, partition, first, last, salt, format }: Claim, guarded: boolean): Forming {
  return {
    range: { topic, epoch, partition, first, last },
    base: { salt, format },
    outcome: new OutcomeBuilder(),
    guarded,
    records: 0,
  }
}
