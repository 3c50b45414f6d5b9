import type { Observation } from '../detection/observation.ts'
import { TidewatchError } from '../errors.ts'
import { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import type { Event, Position } from '../telemetry/events.ts'
import { event, position } from './event-fields.ts'
import { type Field, list, number, struct, text } from './fields.ts'
import { observation } from './observation-fields.ts'

/** A partition of a topic that records came from. */
export type Origin = Omit<Position, 'offset' | 'index'>

/**
 * What travels between the stages, one a record of `tidewatch.events` or `tidewatch.observations`. An event carries the routes
 * that this copy of it was sent for (`routes.ts`); its own position says where it came from.
 */
export type StageRecord =
  | { readonly type: 'event'; readonly routes: readonly string[]; readonly event: Event }
  | { readonly type: 'observation'; readonly position: Position; readonly observation: Observation }
  /**
   * Event time up to which a log of the stage before has come, microseconds; -Infinity: there is such a log, and it has not begun. May be told
   * again: only the latest counts.
   */
  | { readonly type: 'time'; readonly origin: Origin; readonly watermark: number }

type Of<T extends StageRecord['type']> = Omit<Extract<StageRecord, { type: T }>, 'type'>

/** Grows with every change of any field. Readers refuse all others: a stage is upgraded behind the one that it reads from. */
const SCHEMA_VERSION = 1

const types = ['event', 'observation', 'time'] as const
const contents: { readonly [T in StageRecord['type']]: Field<Of<T>> } = {
  event: struct<Of<'event'>>({ routes: list(text), event }),
  observation: struct<Of<'observation'>>({ position, observation }),
  time: struct<Of<'time'>>({ origin: struct<Origin>({ topic: text, epoch: text, partition: number }), watermark: number }),
}

export function encodeRecord(record: StageRecord): Uint8Array {
  const writer = new ByteWriter(256).u8(SCHEMA_VERSION).u8(types.indexOf(record.type))
  ;(contents[record.type] as Field<unknown>).write(writer, record)
  return writer.finish()
}

/** Throws TW_RECORD_UNREADABLE for another schema version, and for bytes that are none of these records. */
export function decodeRecord(bytes: Uint8Array): StageRecord {
  const reader = new ByteReader(bytes)
  try {
    const version = reader.u8()
    if (version !== SCHEMA_VERSION) throw new RangeError(`schema version ${version}, where ${SCHEMA_VERSION} is read`)
    const type = types[reader.u8()]
    if (type === undefined) throw new RangeError('a type that is not known')
    const content = (contents[type] as Field<object>).read(reader)
    if (!reader.done) throw new RangeError('bytes behind the end')
    return { type, ...content } as StageRecord
  } catch (error) {
    throw new TidewatchError('TW_RECORD_UNREADABLE', (error as Error).message, { cause: error })
  }
}
