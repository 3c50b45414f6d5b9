import type { Config } from '../config/schema.ts'
import type { Action } from '../decisions/action.ts'
import { errorCode } from '../errors.ts'
import { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import { refusalOf } from '../sources/refusal.ts'
import type { SourceBatch, SourceRecord } from '../sources/source.ts'
import type { DeadLetter } from '../telemetry/dead-letter.ts'
import type { Event } from '../telemetry/events.ts'
import type { JoinWindow } from '../telemetry/join.ts'
import type { Mapped, Mapper } from '../telemetry/map.ts'
import { decodeRequest } from '../telemetry/otlp/decode.ts'
import { addTally, type Tally } from '../telemetry/tally.ts'
import { type ActionKey, isAction, readAction } from './action-record.ts'
import { replayedLetter } from './replay-record.ts'
import { SeenReplays } from './seen-replays.ts'
import { isTick } from './tick.ts'

/** What one record of the log became. */
export interface Ingested {
  readonly events: readonly Event[]
  readonly deadLetters: readonly DeadLetter[]
  /** What a person did, where the record is an action. */
  readonly action: Action | null
  /** Values clamped or dropped inside usable records, by reason. */
  readonly clamped: Tally
  /** Spans and log records that became no event of their own, by reason. */
  readonly ignored: Tally
  /** Event time up to which the log has come, microseconds; moves with every record and never back. Null before the first event. */
  readonly watermark: number | null
}

/** The ingest stage: records of the log become events. A pure function of the records that it was given. */
export interface Ingest {
  /** Event time up to which the log has come, microseconds; null before the first event. */
  readonly watermark: number | null
  record(batch: SourceBatch, record: SourceRecord): Ingested
  /** The log has ended: gives out the calls that wait for their parent. */
  finish(): Ingested
  /** Watermark, waiting calls and replays that came as bytes. */
  snapshot(): Uint8Array
  /** Throws TW_STATE_MISMATCH where the calls were saved by a version that reads other fields. */
  restore(bytes: Uint8Array): void
}

type IngestConfig = Pick<Config, 'ingest' | 'deadLetters' | 'content'>

/** `mapper` of `src/telemetry/map.ts`. @param actionKey null: actions are refused. */
export function createIngest(config: IngestConfig, mapper: Mapper, actionKey: ActionKey | null): Ingest {
  return new OneLogIngest(config, mapper, actionKey)
}

class OneLogIngest implements Ingest {
  private readonly config: IngestConfig
  private readonly mapper: Mapper
  private readonly actionKey: ActionKey | null
  private readonly window: JoinWindow
  private readonly replays = new SeenReplays()
  watermark: number | null = null

  constructor(config: IngestConfig, mapper: Mapper, actionKey: ActionKey | null) {
    this.config = config
    this.mapper = mapper
    this.actionKey = actionKey
    this.window = mapper.createWindow()
  }

  record(batch: SourceBatch, record: SourceRecord): Ingested {
    if (isTick(record)) {
      this.pass(record.timestamp * 1000)
      return this.ingested([this.flush()], [])
    }
    const refusal = refusalOf(record)
    if (refusal) return this.ingested([], [{ ...this.deadLetter(batch, record, refusal.code, refusal.reason, 0), size: refusal.size }])
    try {
      if (isAction(record)) return { ...this.ingested([], []), action: readAction(record, this.actionKey) }
      const letter = replayedLetter(record, this.actionKey)
      if (letter !== null && !this.replays.note(letter)) return this.ingested([], [])
      const { maxRecordBytes, maxDepth } = this.config.ingest
      const request = decodeRequest(record.value, { signal: record.signal, keys: this.mapper.keys, maxBytes: maxRecordBytes, maxDepth })
      const { topic, epoch, partition } = batch
      const mapped = this.mapper.map(
        request,
        { topic, epoch, partition, offset: record.offset, timestampMillis: record.timestamp },
        this.window,
      )
      for (const event of mapped.events) this.pass(event.time)
      const letters = mapped.refused.map(({ code, reason, index }) => this.part(this.deadLetter(batch, record, code, reason, index)))
      return this.ingested([mapped, this.flush()], letters)
    } catch (error) {
      // An error without a code is a fault of ours; the record must not stop all that come after it.
      return this.ingested([], [this.deadLetter(batch, record, errorCode(error) ?? 'TW_INTERNAL', (error as Error).message, 0)])
    }
  }

  finish(): Ingested {
    return this.ingested([this.mapper.flushAll(this.window)], [])
  }

  snapshot(): Uint8Array {
    return new ByteWriter()
      .f64(this.watermark ?? Number.NaN)
      .block(this.window.encode())
      .block(this.replays.encode())
      .finish()
  }

  restore(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes)
    const watermark = reader.f64()
    this.watermark = Number.isNaN(watermark) ? null : watermark
    this.window.decode(reader.block())
    this.replays.decode(reader.block())
  }

  private flush(): Mapped {
    return this.mapper.flush(this.window, this.watermark ?? 0)
  }

  private pass(time: number): void {
    if (this.watermark === null || time > this.watermark) this.watermark = time
  }

  private ingested(parts: readonly Mapped[], deadLetters: readonly DeadLetter[]): Ingested {
    const clamped: Tally = {}
    const ignored: Tally = {}
    for (const part of parts) {
      addTally(clamped, part.clamped)
      addTally(ignored, part.ignored)
    }
    return { events: parts.flatMap((part) => part.events), deadLetters, action: null, clamped, ignored, watermark: this.watermark }
  }

  /** The bytes of a record of which only a part was refused hold the text of all its calls, and are of no use: the rest was taken in. */
  private part(letter: DeadLetter): DeadLetter {
    return this.config.content.keep ? letter : { ...letter, bytes: new Uint8Array(0) }
  }

  private deadLetter(batch: SourceBatch, record: SourceRecord, code: DeadLetter['code'], reason: string, index: number): DeadLetter {
    const { topic, epoch, partition } = batch
    return {
      topic,
      epoch,
      partition,
      offset: record.offset,
      index,
      time: record.timestamp > 0 ? record.timestamp * 1000 : (this.watermark ?? 0),
      code,
      reason,
      signal: record.signal ?? '',
      bytes: record.value.subarray(0, this.config.deadLetters.maxBytes),
      size: record.value.length,
    }
  }
}
