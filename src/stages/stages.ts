import type { Config } from '../config/schema.ts'
import { createDecisions, type Decisions } from '../decisions/decide.ts'
import { createDetection, type Detection } from '../detection/detect.ts'
import { TidewatchError } from '../errors.ts'
import { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import type { SourceBatch, SourceRecord } from '../sources/source.ts'
import type { Mapper } from '../telemetry/map.ts'
import { addTally } from '../telemetry/tally.ts'
import type { ActionKey } from './action-record.ts'
import { createIngest, type Ingest, type Ingested } from './ingest.ts'
import type { OutcomeBuilder } from './outcome.ts'
import { type Stage, stateIdentity } from './stage.ts'

/** Grows when the layout of the state changes; the stages' own parts have versions of their own. */
const STATE_FORMAT = 1

/**
 * The stages ingest, detect and decide as plain calls over one ordered log. What they say of a record is a pure function of the records
 * before it: how the log was cut into batches, and whether the state was saved and restored in between, changes nothing.
 */
export class Stages implements Stage {
  private readonly identity: string
  private readonly ingest: Ingest
  private readonly detection: Detection
  readonly decisions: Pick<Decisions, 'status' | 'looks' | 'budget' | 'expectations'>
  private readonly deciding: Decisions
  private time: number | null = null

  /** @param actionKey what actions in the log are signed with; null: there are none, as in files. */
  constructor(config: Config, mapper: Mapper, actionKey: ActionKey | null = null) {
    this.identity = stateIdentity(config)
    this.ingest = createIngest(config, mapper, actionKey)
    this.detection = createDetection({ seed: config.seed, disabled: config.decisions.disabled })
    this.deciding = createDecisions({ falseIncidentsPerDay: config.decisions.falseIncidentsPerDay })
    this.decisions = this.deciding
  }

  /** Event time up to which the log has come, microseconds; null before the first event. */
  get watermark(): number | null {
    return this.time
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

  /** All state as bytes; `restore` on new stages goes on as if nothing had happened. */
  snapshot(): Uint8Array {
    return new ByteWriter(4096)
      .u16(STATE_FORMAT)
      .text(this.identity)
      .f64(this.time ?? Number.NaN)
      .block(this.ingest.snapshot())
      .block(this.detection.snapshot())
      .block(this.deciding.snapshot())
      .finish()
  }

  /**
   * Throws TW_STATE_MISMATCH for the state of another format, seed, set of detectors, or configuration under which names or sketches mean
   * something else. The stages are of no use then: make new ones.
   */
  restore(bytes: Uint8Array): void {
    try {
      const reader = new ByteReader(bytes)
      if (reader.u16() !== STATE_FORMAT) throw new TidewatchError('TW_STATE_MISMATCH', 'state of another format')
      if (reader.text() !== this.identity) throw new TidewatchError('TW_STATE_MISMATCH', 'state of another configuration')
      const time = reader.f64()
      this.time = Number.isNaN(time) ? null : time
      this.ingest.restore(reader.block())
      this.detection.restore(reader.block())
      this.deciding.restore(reader.block())
    } catch (error) {
      if (error instanceof TidewatchError) throw error
      throw new TidewatchError('TW_STATE_MISMATCH', (error as Error).message, { cause: error })
    }
  }

  private consume(ingested: Ingested, outcome: OutcomeBuilder): void {
    outcome.deadLetters.push(...ingested.deadLetters)
    addTally(outcome.clamped, ingested.clamped)
    addTally(outcome.ignored, ingested.ignored)
    for (const event of ingested.events) {
      outcome.events.push(event)
      for (const observation of this.detection.process(event)) {
        const { score, pValue, alerts } = this.deciding.process(observation)
        outcome.observations.push({ ...observation, score, pValue })
        outcome.alerts.push(...alerts)
      }
    }
    if (ingested.action !== null) {
      outcome.actions.push(ingested.action)
      outcome.alerts.push(...this.deciding.act(ingested.action))
    }
    if (ingested.watermark !== null) {
      this.time = ingested.watermark
      outcome.alerts.push(...this.deciding.advance(ingested.watermark))
    }
  }
}
