import type { Logger } from 'pino'
import { type BatchHandler, PlaceLost, type Source, type StartOptions } from '../../sources/source.ts'
import type { Pipeline } from '../pipeline.ts'
import type { Stage } from '../stage.ts'
import type { KafkaClaims } from './claims.ts'

export interface RoleOptions<S extends Stage> {
  readonly source: Source
  readonly claims: Pick<KafkaClaims, 'holds' | 'owns' | 'release'>
  /** A pipeline for one partition. */
  readonly createPipeline: () => Pipeline<S>
  readonly log: Logger
  /** Told of the partitions that this member holds, whenever they are dealt out. */
  readonly assigned?: (partitions: readonly number[]) => void
}

interface Held<S extends Stage> {
  readonly topic: string
  readonly epoch: string
  readonly partition: number
  readonly pipeline: Pipeline<S>
  /** Batches that were handled. */
  handled: number
}

/**
 * One stage in this member of its group: a pipeline for each partition that it holds. A pipeline lives as long as nobody else claimed the partition;
 * when it comes back after that, its state is read anew.
 */
export class Role<S extends Stage> {
  private readonly options: RoleOptions<S>
  private readonly openings = new Map<string, Promise<Held<S>>>()
  /** Those of `openings` that are open. */
  private readonly held = new Map<string, Held<S>>()

  constructor(options: RoleOptions<S>) {
    this.options = options
  }

  get source(): Source {
    return this.options.source
  }

  /** Stages as they are now, of the partitions that are held. */
  get stages(): S[] {
    return [...this.held.values()].map(({ pipeline }) => pipeline.current)
  }

  get partitions(): readonly Omit<Held<S>, 'pipeline'>[] {
    return [...this.held.values()]
  }

  /** @param around what every batch is handled in. */
  start(around: (handle: BatchHandler) => BatchHandler): Promise<void> {
    const options: StartOptions = {
      resume: (topic, epoch, partition) => this.place(topic, epoch, partition),
      assigned: (partitions) => this.keep(partitions),
    }
    return this.options.source.start(
      around((batch, context) => this.take(batch, context)),
      options,
    )
  }

  /** Saves the state of all partitions, behind what is in work. While the source delivers nothing. */
  async rest(): Promise<void> {
    await Promise.all([...this.held.values()].map(({ pipeline }) => pipeline.rest()))
  }

  private take: BatchHandler = async (batch, context) => {
    const key = `${batch.topic}/${batch.partition}`
    const held = this.held.get(key)
    if (held?.epoch !== batch.epoch) throw new PlaceLost('it is not open here')
    try {
      await held.pipeline.handle(batch, context)
      held.handled++
    } catch (error) {
      if (this.options.claims.owns(batch.topic, batch.partition)) throw error
      this.forget(key, held)
      throw new PlaceLost((error as Error).message, { cause: error })
    }
  }

  /** The first offset that is needed; asked for every partition whenever the group has dealt them out. */
  private async place(topic: string, epoch: string, partition: number): Promise<number | null> {
    const key = `${topic}/${partition}`
    const before = this.openings.get(key)
    const opening = this.open(before, topic, epoch, partition)
    this.openings.set(key, opening)
    const held = await opening
    return held.pipeline.place(topic, epoch, partition)
  }

  private async open(before: Promise<Held<S>> | undefined, topic: string, epoch: string, partition: number): Promise<Held<S>> {
    const key = `${topic}/${partition}`
    const known = await before?.catch(() => undefined)
    const current = known !== undefined && this.held.get(key) === known && known.epoch === epoch
    if (current && (await this.options.claims.holds(topic, partition))) return known
    this.held.delete(key)
    const pipeline = this.options.createPipeline()
    await pipeline.place(topic, epoch, partition)
    const held = { topic, epoch, partition, pipeline, handled: 0 }
    this.held.set(key, held)
    return held
  }

  private keep(partitions: readonly { readonly topic: string; readonly partition: number }[]): void {
    const keys = new Set(partitions.map(({ topic, partition }) => `${topic}/${partition}`))
    for (const [key, held] of this.held) if (!keys.has(key)) this.forget(key, held)
    this.options.assigned?.(partitions.map(({ partition }) => partition))
  }

  private forget(key: string, held: Held<S>): void {
    const { claims, log } = this.options
    if (this.held.get(key) === held) this.held.delete(key)
    this.openings.delete(key)
    claims.release(held.topic, held.partition).catch((error) => log.debug({ err: error }, 'a claim was not given up in good order'))
  }
}
