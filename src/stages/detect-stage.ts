import type { Config } from '../config/schema.ts'
import { configuredDetectors } from '../detection/configured.ts'
import { createDetection, type Detection } from '../detection/detect.ts'
import type { Observation } from '../detection/observation.ts'
import { OriginClocks } from '../routing/origin-clocks.ts'
import { Seen } from '../routing/seen.ts'
import type { SourceBatch, SourceRecord } from '../sources/source.ts'
import { Announced } from './announced.ts'
import type { OutcomeBuilder } from './outcome.ts'
import { openState, type Stage, sealState, stateIdentity } from './stage.ts'
import { readRecord } from './stage-record.ts'

/** Detect over one partition of `tidewatch.events`: the states that live there, and what they say to decide. Drops events that it has had. */
export class DetectStage implements Stage {
  private readonly name: string
  private readonly detection: Detection
  private readonly keepBytes: number
  private readonly seen = new Seen()
  private readonly clocks = new OriginClocks()
  private readonly announced = new Announced()

  constructor(config: Config) {
    this.name = `detect 1 ${stateIdentity(config)}`
    this.detection = createDetection({ seed: config.seed, detectors: configuredDetectors(config) })
    this.keepBytes = config.deadLetters.maxBytes
  }

  get watermark(): number | null {
    return this.clocks.watermark
  }

  apply(batch: SourceBatch, record: SourceRecord, outcome: OutcomeBuilder): boolean {
    const { topic, epoch, partition } = batch
    const read = readRecord(batch, record, ['event', 'time'], this.keepBytes, outcome)
    if (read === null) return true
    const send = (observations: readonly Observation[]) => {
      for (const [index, observation] of observations.entries()) {
        const position = { topic, epoch, partition, offset: record.offset, index }
        outcome.outgoing.push({ partition: 0, record: { type: 'observation', position, observation } })
      }
    }
    if (read.type === 'event' && this.seen.take(read.event.position)) {
      send(this.detection.process(read.event, read.routes))
    }
    if (read.type === 'time') {
      this.clocks.tell(read.origin, read.watermark, record.timestamp)
      if (this.watermark !== null) send(this.detection.advance(this.watermark))
    }
    const told = this.announced.due(this.clocks.watermark)
    if (told !== null)
      outcome.outgoing.push({ partition: 0, record: { type: 'time', origin: { topic, epoch, partition }, watermark: told } })
    return false
  }

  snapshot(): Uint8Array {
    return sealState(this.name, [this.detection.snapshot(), this.seen.encode(), this.clocks.encode(), this.announced.encode()])
  }

  restore(bytes: Uint8Array): void {
    openState(this.name, bytes, [
      (part) => this.detection.restore(part),
      (part) => this.seen.decode(part),
      (part) => this.clocks.decode(part),
      (part) => this.announced.decode(part),
    ])
  }
}
