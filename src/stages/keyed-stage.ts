import type { Config } from '../config/schema.ts'
import { configuredDetectors } from '../detection/configured.ts'
import { createDetection, type Detection } from '../detection/detect.ts'
import type { Observation } from '../detection/observation.ts'
import type { SourceBatch, SourceRecord } from '../sources/source.ts'
import type { Mapper } from '../telemetry/map.ts'
import type { ActionKey } from './action-record.ts'
import { IngestStage } from './ingest-stage.ts'
import { OutcomeBuilder } from './outcome.ts'
import { openState, type Stage, sealState, stateIdentity } from './stage.ts'

/**
 * Ingest and detect over one partition of a source's topic, as plain calls: for producers that key their records by what must be seen together
 * (`kafka.routing: false`). What it says goes to decide, which checks that they do.
 */
export class KeyedStage implements Stage {
  private readonly name: string
  private readonly ingest: IngestStage
  private readonly detection: Detection

  /** @param key what replayed dead letters are signed with; null: there are none. */
  constructor(config: Config, mapper: Mapper, key: ActionKey | null) {
    this.name = `keyed 1 ${stateIdentity(config)}`
    this.ingest = new IngestStage(config, mapper, key, 1)
    this.detection = createDetection({ seed: config.seed, detectors: configuredDetectors(config) })
  }

  get watermark(): number | null {
    return this.ingest.watermark
  }

  apply(batch: SourceBatch, record: SourceRecord, outcome: OutcomeBuilder): boolean {
    const { topic, epoch, partition } = batch
    const ingested = new OutcomeBuilder()
    const refused = this.ingest.apply(batch, record, ingested)
    outcome.events.push(...ingested.events)
    outcome.refuse(ingested)
    let index = 0
    const send = (observations: readonly Observation[]) => {
      for (const observation of observations) {
        const position = { topic, epoch, partition, offset: record.offset, index: index++ }
        outcome.outgoing.push({ partition: 0, record: { type: 'observation', position, observation } })
      }
    }
    for (const { record: sent } of ingested.outgoing) {
      if (sent.type === 'event') send(this.detection.process(sent.event, sent.routes))
      if (sent.type === 'time') {
        send(this.detection.advance(sent.watermark))
        outcome.outgoing.push({ partition: 0, record: sent })
      }
    }
    return refused
  }

  snapshot(): Uint8Array {
    return sealState(this.name, [this.ingest.snapshot(), this.detection.snapshot()])
  }

  restore(bytes: Uint8Array): void {
    openState(this.name, bytes, [(part) => this.ingest.restore(part), (part) => this.detection.restore(part)])
  }
}
