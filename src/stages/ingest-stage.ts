import type { Config } from '../config/schema.ts'
import { byPartition, createRoutes } from '../routing/routes.ts'
import type { SourceBatch, SourceRecord } from '../sources/source.ts'
import type { Event } from '../telemetry/events.ts'
import type { Mapper } from '../telemetry/map.ts'
import { addTally } from '../telemetry/tally.ts'
import { Announced } from './announced.ts'
import { createIngest, type Ingest } from './ingest.ts'
import type { OutcomeBuilder } from './outcome.ts'
import { openState, type Stage, sealState, stateIdentity } from './stage.ts'

/**
 * Ingest over one partition of a source's topic: events for the store, and their copies for the partitions where their subjects are, in the
 * order of their positions. The event time that the partition has come to goes to all of them.
 */
export class IngestStage implements Stage {
  private readonly name: string
  private readonly ingest: Ingest
  private readonly routesOf: (event: Event) => readonly string[]
  private readonly partitions: number
  private readonly announced = new Announced()

  /** @param partitions of the topic behind. */
  constructor(config: Config, mapper: Mapper, partitions: number) {
    this.name = `ingest 1 ${stateIdentity(config)}`
    // What people do is written behind this stage; in a source's topic nobody is believed.
    this.ingest = createIngest(config, mapper, null)
    this.routesOf = createRoutes(config.seed)
    this.partitions = partitions
  }

  get watermark(): number | null {
    return this.ingest.watermark
  }

  apply(batch: SourceBatch, record: SourceRecord, outcome: OutcomeBuilder): boolean {
    const { events, deadLetters, clamped, ignored, watermark } = this.ingest.record(batch, record)
    outcome.deadLetters.push(...deadLetters)
    addTally(outcome.clamped, clamped)
    addTally(outcome.ignored, ignored)
    for (const event of events) {
      outcome.events.push(event)
      for (const [partition, routes] of byPartition(this.routesOf(event), this.partitions))
        outcome.outgoing.push({ partition, record: { type: 'event', routes, event } })
    }
    const told = this.announced.due(watermark)
    if (told !== null) {
      const origin = { topic: batch.topic, epoch: batch.epoch, partition: batch.partition }
      for (let partition = 0; partition < this.partitions; partition++)
        outcome.outgoing.push({ partition, record: { type: 'time', origin, watermark: told } })
    }
    return deadLetters.length > 0 && events.length === 0
  }

  snapshot(): Uint8Array {
    return sealState(this.name, [this.ingest.snapshot(), this.announced.encode()])
  }

  restore(bytes: Uint8Array): void {
    openState(this.name, bytes, [(part) => this.ingest.restore(part), (part) => this.announced.decode(part)])
  }
}
