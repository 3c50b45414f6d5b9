import { TidewatchError } from '../errors.ts'
import type { Edge, RangeWish } from '../sources/kafka/range-bounds.ts'

const whole = /^(?<topic>[A-Za-z0-9._-]+)(?::(?<partition>\d+))?(?:@(?<range>.*))?$/

/**
 * `TOPIC[:PARTITION][@FROM..TO]` as a range: an end is an offset (digits only) or a time (ISO 8601, UTC where it names no zone), FROM is the first
 * record, TO the one behind the last; either may be left out. Throws TW_USAGE.
 */
export function parseRangeWish(text: string): RangeWish {
  const { topic, partition, range } = whole.exec(text)?.groups ?? {}
  if (topic === undefined) throw wrong(text)
  const ends = range === undefined ? ['', ''] : range.split('..')
  if (ends.length !== 2) throw wrong(text)
  const [from, to] = ends.map((end) => edge(end, text)) as [Edge | null, Edge | null]
  if (from && to && isBehind(from, to)) throw new TidewatchError('TW_USAGE', `${text}: the range ends before it begins`)
  return { topic, partition: partition === undefined ? null : Number(partition), from, to }
}

/** Milliseconds of a time as people write it: ISO 8601, UTC where it names no zone. Throws TW_USAGE. */
export function parseTime(text: string, where: string): number {
  const dated = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/.exec(text)
  const time = dated ? Date.parse(dated[1] === undefined || dated[4] !== undefined ? text : `${text}Z`) : Number.NaN
  if (Number.isNaN(time)) throw new TidewatchError('TW_USAGE', `${where}: expected a time such as 2026-03-01T12:00Z`)
  return time
}

function edge(text: string, where: string): Edge | null {
  if (text === '') return null
  return /^\d+$/.test(text) ? { offset: Number(text) } : { time: parseTime(text, where) }
}

function isBehind(from: Edge, to: Edge): boolean {
  if ('offset' in from && 'offset' in to) return from.offset > to.offset
  return 'time' in from && 'time' in to && from.time > to.time
}

function wrong(text: string): TidewatchError {
  return new TidewatchError('TW_USAGE', `--kafka ${text}: expected TOPIC[:PARTITION][@FROM..TO], such as otlp_spans:0@1000..2000`)
}
