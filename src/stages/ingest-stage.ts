import type { Config } from '../config/schema.ts'
import { byPartition, createRoutes } from '../routing/routes.ts'
import type { SourceBatch, SourceRecord } from '../sources/source.ts'
import type { Event } from '../telemetry/events.ts'
import type { Mapper } from '../telemetry/map.ts'
import type { ActionKey } from './action-record.ts'
import { Announced } from './announced.ts'
import { controlLetter } from './control-letter.ts'
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

  /** @param key what replayed dead letters are signed with; null: there are none. @param partitions of the topic behind. */
  constructor(config: Config, mapper: Mapper, key: ActionKey | null, partitions: number) {
    this.name = `ingest 2 ${partitions} ${stateIdentity(config)}`
    this.ingest = createIngest(config, mapper, key)
    this.routesOf = createRoutes(config.seed)
    this.partitions = partitions
  }

  get watermark(): number | null {
    return this.ingest.watermark
  }

  apply(batch: SourceBatch, record: SourceRecord, outcome: OutcomeBuilder): boolean {
    const ingested = this.ingest.record(batch, record)
    const { events, deadLetters, action, watermark } = ingested
    if (action !== null) {
      outcome.deadLetters.push(controlLetter(batch, record, 'TW_ACTION_REFUSED', 'what people do is written behind this stage'))
      return true
    }
    outcome.refuse(ingested)
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
