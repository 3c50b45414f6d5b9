import type { Config } from '../config/schema.ts'
import type { Alert } from '../decisions/alert.ts'
import type { Decisions } from '../decisions/decide.ts'
import type { Detection } from '../detection/detect.ts'
import type { Observation } from '../detection/observation.ts'
import { refusalOf } from '../sources/refusal.ts'
import type { BatchContext, SourceBatch } from '../sources/source.ts'
import type { DeadLetter } from '../telemetry/dead-letter.ts'
import type { Event } from '../telemetry/events.ts'
import type { Ingest, Ingested } from './ingest.ts'
import { PoisonGuard } from './poison.ts'

/** Everything that one range of the log caused, in log order. Observations carry their final scores and p-values. */
export interface Outcome {
  readonly events: readonly Event[]
  readonly observations: readonly Observation[]
  readonly alerts: readonly Alert[]
  readonly deadLetters: readonly DeadLetter[]
  readonly clamped: Readonly<Record<string, number>>
}

export interface PipelineOptions {
  readonly config: Pick<Config, 'deadLetters'>
  readonly ingest: Ingest
  readonly detection: Detection
  readonly decisions: Decisions
  /** Makes the outcome of a range durable, exactly once however often it is repeated; rejects only when it gives up. */
  readonly write: (batch: SourceBatch, outcome: Outcome) => Promise<void>
  /** Called once for each range after it is durable. */
  readonly written: (batch: SourceBatch, outcome: Outcome) => void
}

interface Partition {
  /** Last offset whose events went through the detectors. */
  processed: number
  /** Processed but not yet durable: written again, never processed again. */
  pending: { batch: SourceBatch; outcome: Outcome } | null
}

/** A heartbeat after so many bytes of records. */
const HEARTBEAT_BYTES = 4 * 2 ** 20

/**
 * The stages ingest, detect and decide as plain calls over one ordered log. Batches of several partitions take turns, so
 * that the order of what the detectors see is the order of delivery. A batch that comes again, whole or in part, because
 * the store or the log had a fault, passes the detectors once.
 */
export class Pipeline {
  private readonly options: PipelineOptions
  private readonly guard: PoisonGuard
  private readonly partitions = new Map<string, Partition>()
  private turn: Promise<void> = Promise.resolve()
  private time: number | null = null

  constructor(options: PipelineOptions) {
    this.options = options
    this.guard = new PoisonGuard(options.config.deadLetters.maxShare, options.config.deadLetters.maxRun)
  }

  /** Event time up to which the log has come, microseconds; null before the first event. */
  get watermark(): number | null {
    return this.time
  }

  /** Tells where the store's record of a partition ends: records up to `offset` are known and are skipped. */
  resumeAfter(topic: string, epoch: string, partition: number, offset: number): void {
    this.partitions.set(keyOf(topic, epoch, partition), { processed: offset, pending: null })
  }

  /** Whether `resumeAfter` was told of a partition, or records of it were processed. */
  knows(topic: string, epoch: string, partition: number): boolean {
    return this.partitions.has(keyOf(topic, epoch, partition))
  }

  /** Processes a batch and resolves once all that it caused is durable. */
  handle(batch: SourceBatch, context: BatchContext): Promise<void> {
    const run = this.turn.then(() => this.process(batch, context))
    this.turn = run.catch(() => {})
    return run
  }

  /** Ends the log (files have an end, streams have none): calls that wait for their parent are counted. */
  finish(): Outcome {
    const outcome = new OutcomeBuilder()
    this.consume(this.options.ingest.finish(), outcome)
    return outcome
  }

  private async process(batch: SourceBatch, context: BatchContext): Promise<void> {
    const key = keyOf(batch.topic, batch.epoch, batch.partition)
    let partition = this.partitions.get(key)
    if (partition === undefined) {
      partition = { processed: -1, pending: null }
      this.partitions.set(key, partition)
    }
    if (partition.pending) await this.persist(partition)
    if (batch.last <= partition.processed) return
    const fresh = batch.first > partition.processed ? batch : trim(batch, partition.processed)
    const outcome = new OutcomeBuilder()
    let sinceHeartbeat = 0
    for (const record of fresh.records) {
      const ingested = this.options.ingest.record(fresh, record)
      // Who was refused at the door was told so; it says nothing of a broken producer behind the log.
      if (refusalOf(record) === null) {
        this.guard.note(fresh.topic, fresh.partition, ingested.deadLetters.length > 0 && ingested.events.length === 0)
      }
      this.consume(ingested, outcome)
      sinceHeartbeat += record.value.length
      if (sinceHeartbeat > HEARTBEAT_BYTES) {
        sinceHeartbeat = 0
        await context.heartbeat()
      }
    }
    partition.processed = fresh.last
    partition.pending = { batch: fresh, outcome }
    await this.persist(partition)
  }

  private async persist(partition: Partition): Promise<void> {
    const { batch, outcome } = partition.pending!
    await this.options.write(batch, outcome)
    partition.pending = null
    this.options.written(batch, outcome)
  }

  private consume(ingested: Ingested, outcome: OutcomeBuilder): void {
    const { detection, decisions } = this.options
    outcome.deadLetters.push(...ingested.deadLetters)
    for (const reason in ingested.clamped) outcome.clamped[reason] = (outcome.clamped[reason] ?? 0) + ingested.clamped[reason]!
    for (const event of ingested.events) {
      outcome.events.push(event)
      for (const observation of detection.process(event)) {
        const { score, pValue, alerts } = decisions.process(observation)
        outcome.observations.push({ ...observation, score, pValue })
        outcome.alerts.push(...alerts)
      }
    }
    if (ingested.watermark !== null) {
      this.time = ingested.watermark
      outcome.alerts.push(...decisions.advance(ingested.watermark))
    }
  }
}

class OutcomeBuilder implements Outcome {
  readonly events: Event[] = []
  readonly observations: Observation[] = []
  readonly alerts: Alert[] = []
  readonly deadLetters: DeadLetter[] = []
  readonly clamped: Record<string, number> = {}
}

function keyOf(topic: string, epoch: string, partition: number): string {
  return `${topic}/${epoch}/${partition}`
}

function trim(batch: SourceBatch, processed: number): SourceBatch {
  return { ...batch, first: processed + 1, records: batch.records.filter((record) => record.offset > processed) }
}
