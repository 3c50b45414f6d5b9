import { TidewatchError } from '../errors.ts'
import { isoMicros } from '../telemetry/time.ts'
import type { Cursor } from './cursor.ts'
import { type Page, type Positioned, pageOf, place, type Reader } from './reads.ts'

export interface DeadLetterFilter {
  readonly code?: string | undefined
  readonly topic?: string | undefined
  /** Microseconds. */
  readonly since?: number | undefined
  readonly replayed?: boolean | undefined
}

export interface ShownDeadLetter {
  /** `topic:epoch:partition:offset:index`. */
  readonly id: string
  readonly topic: string
  readonly epoch: string
  readonly partition: number
  readonly offset: number
  readonly index: number
  readonly time: string
  readonly code: string
  readonly reason: string
  readonly signal: string
  /** Bytes of the whole record, and how many of them are kept. */
  readonly size: number
  readonly kept: number
  readonly truncated: boolean
  readonly replayed: { readonly time: string; readonly by: string } | null
  /** Why it cannot be put into the log again; null where it can. */
  readonly notReplayable: string | null
}

interface DeadLetterRow extends Positioned {
  id: string
  topic: string
  epoch: string
  partition: number
  offset: number
  event_index: number
  code: string
  reason: string
  signal: string
  size_bytes: number
  kept: number
  kept_base64: string
  replayed_micros: number
  replayed_by: string
}

const ID = "concat(topic, ':', epoch, ':', toString(partition), ':', toString(offset), ':', toString(event_index))"
/** Sorts as the positions do. */
const KEY =
  "concat(topic, '/', epoch, '/', toString(partition), '/', leftPad(toString(offset), 20, '0'), '/', leftPad(toString(event_index), 10, '0'))"

function select(where: readonly string[], bytes: string, rest: string): string {
  return `SELECT toUnixTimestamp64Micro(l.time) AS micros, ${KEY} AS key, ${ID} AS id, topic, epoch, partition, offset, event_index, code, reason, signal,
            size_bytes, length(base64Decode(l.bytes_base64)) AS kept, ${bytes} AS kept_base64,
            toUnixTimestamp64Micro(r.time) AS replayed_micros, r.by AS replayed_by
     FROM dead_letters AS l LEFT JOIN (SELECT * FROM dead_letter_replays FINAL) AS r ON r.letter = ${ID}
     WHERE ${where.join(' AND ')} ${rest}`
}

/** Refused records without their bytes, newest first. */
export async function readDeadLetters(
  store: Reader,
  { code, topic, since, replayed }: DeadLetterFilter,
  limit: number,
  before: Cursor,
): Promise<Page<ShownDeadLetter>> {
  const where = [
    '(micros, key) < ({time:Int64}, {key:String})',
    ...(code === undefined ? [] : ['code = {code:String}']),
    ...(topic === undefined ? [] : ['topic = {topic:String}']),
    ...(since === undefined ? [] : ["l.time >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')"]),
    ...(replayed === undefined ? [] : [replayed ? "r.letter != ''" : "r.letter = ''"]),
  ]
  const rows = await store.query<DeadLetterRow>(select(where, "''", 'ORDER BY micros DESC, key DESC LIMIT 1 BY key LIMIT {limit:UInt32}'), {
    ...Object.fromEntries(Object.entries({ code, topic, since }).filter(([, value]) => value !== undefined)),
    ...place(before),
    limit: limit + 1,
  })
  return pageOf(rows, limit, shown)
}

/** One refused record with the bytes that are kept of it. Throws TW_NOT_FOUND. */
export async function readDeadLetter(store: Reader, id: string): Promise<{ readonly letter: ShownDeadLetter; readonly bytes: Buffer }> {
  const [, topic, epoch, partition, offset, index] = /^(.+):([^:]*):(\d{1,10}):(\d{1,16}):(\d{1,10})$/s.exec(id) ?? []
  const where = [
    'topic = {topic:String} AND epoch = {epoch:String} AND partition = {partition:UInt32}',
    'offset = {offset:UInt64} AND event_index = {index:UInt32}',
  ]
  const [row] =
    topic === undefined
      ? []
      : await store.query<DeadLetterRow>(select(where, 'l.bytes_base64', 'LIMIT 1'), { topic, epoch, partition, offset, index })
  if (row === undefined) throw new TidewatchError('TW_NOT_FOUND', `dead letter ${id}`)
  return { letter: shown(row), bytes: Buffer.from(row.kept_base64, 'base64') }
}

function shown(row: DeadLetterRow): ShownDeadLetter {
  const letter = {
    id: row.id,
    topic: row.topic,
    epoch: row.epoch,
    partition: row.partition,
    offset: row.offset,
    index: row.event_index,
    time: isoMicros(row.micros),
    code: row.code,
    reason: row.reason,
    signal: row.signal,
    size: row.size_bytes,
    kept: row.kept,
    truncated: row.kept < row.size_bytes,
    replayed: row.replayed_by === '' ? null : { time: isoMicros(row.replayed_micros), by: row.replayed_by },
  }
  return { ...letter, notReplayable: obstacle(letter) }
}

function obstacle({ code, signal, size, kept, truncated }: Omit<ShownDeadLetter, 'notReplayable'>): string | null {
  if (code === 'TW_TELEMETRY_UNUSABLE') return 'it is a part of a record whose rest was taken in and would count twice'
  if (truncated) return `only ${kept} of its ${size} bytes are kept (deadLetters.maxBytes)`
  if (size === 0) return 'it has no bytes'
  if (signal === '') return 'nobody knows of which signal it is'
  return null
}
