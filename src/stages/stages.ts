import { configHash } from '../config/hash.ts'
import type { Config } from '../config/schema.ts'
import { createDecisions, type Decisions } from '../decisions/decide.ts'
import { configuredDetectors } from '../detection/configured.ts'
import { createDetection, type Detection } from '../detection/detect.ts'
import type { SourceBatch, SourceRecord } from '../sources/source.ts'
import type { Mapper } from '../telemetry/map.ts'
import type { ActionKey } from './action-record.ts'
import { createIngest, type Ingest, type Ingested } from './ingest.ts'
import type { OutcomeBuilder } from './outcome.ts'
import { openState, type Stage, sealState, stateIdentity } from './stage.ts'

/**
 * The stages ingest, detect and decide as plain calls over one ordered log. What they say of a record is a pure function of the records
 * before it: how the log was cut into batches, and whether the state was saved and restored in between, changes nothing.
 */
export class Stages implements Stage {
  private readonly name: string
  private readonly ingest: Ingest
  private readonly detection: Detection
  readonly decisions: Pick<Decisions, 'status' | 'looks' | 'budget' | 'ledger' | 'expectations'>
  private readonly deciding: Decisions

  /** @param actionKey what actions in the log are signed with; null: there are none, as in files. */
  constructor(config: Config, mapper: Mapper, actionKey: ActionKey | null = null) {
    this.name = `stages 2 ${stateIdentity(config)}`
    this.ingest = createIngest(config, mapper, actionKey)
    this.detection = createDetection({ seed: config.seed, detectors: configuredDetectors(config) })
    this.deciding = createDecisions({ ...config.decisions, configuration: configHash(config) })
    this.decisions = this.deciding
  }

  /** Event time up to which the log has come, microseconds; null before the first event. */
  get watermark(): number | null {
    return this.ingest.watermark
  }

  /** Takes one record in and adds what it caused. True when nothing of the record could be used. */
  apply(batch: SourceBatch, record: SourceRecord, outcome: OutcomeBuilder): boolean {
    const ingested = this.ingest.record(batch, record)
    this.consume(ingested, outcome)
    return ingested.deadLetters.length > 0 && ingested.events.length === 0
  }

  /** Ends the log (files have an end, streams have none): calls that wait for their parent are counted. */
  finish(outcome: OutcomeBuilder): void {
    this.consume(this.ingest.finish(), outcome)
  }

  snapshot(): Uint8Array {
    return sealState(this.name, [this.ingest.snapshot(), this.detection.snapshot(), this.deciding.snapshot()])
  }

  restore(bytes: Uint8Array): void {
    openState(this.name, bytes, [
      (part) => this.ingest.restore(part),
      (part) => this.detection.restore(part),
      (part) => this.deciding.restore(part),
    ])
  }

  private consume(ingested: Ingested, outcome: OutcomeBuilder): void {
    outcome.refuse(ingested)
    for (const event of ingested.events) {
      outcome.events.push(event)
      for (const observation of this.detection.process(event)) outcome.decide(this.deciding, observation)
    }
    if (ingested.action !== null) {
      outcome.actions.push(ingested.action)
      outcome.alerts.push(...this.deciding.act(ingested.action))
    }
    if (ingested.watermark === null) return
    for (const observation of this.detection.advance(ingested.watermark)) outcome.decide(this.deciding, observation)
    outcome.alerts.push(...this.deciding.advance(ingested.watermark))
  }
}
