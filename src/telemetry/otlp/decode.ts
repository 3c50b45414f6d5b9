import { TidewatchError } from '../../errors.ts'
import { readJson } from './json.ts'
import { readProtobuf } from './protobuf.ts'
import { Reading } from './reading.ts'
import type { AttributeKeys, OtlpRequest, Signal } from './records.ts'
import { malformed } from './wire.ts'

/** Spans, their events, log records, points and scopes in one request. The Collector sends 8192 records at a time; an empty one has 2 bytes and costs hundreds. */
const defaultMaxRecords = 200_000

export interface DecodeOptions {
  /** What the topic or path says; null where it says nothing, which only JSON can do without. */
  readonly signal: Signal | null
  /** Attributes to keep. Decoders are kept with this object, so pass the same one each time. */
  readonly keys: AttributeKeys
  /** Levels of lists and mappings inside of a kept attribute. Attributes that are not kept may be nested as they like. */
  readonly maxDepth: number
  /** Size of the (decompressed) request. */
  readonly maxBytes: number
  readonly maxRecords?: number
}

const readings = new WeakMap<AttributeKeys, Reading>()

/**
 * Decodes one export request, protobuf or JSON, told apart by their beginning. No bytes are an empty request.
 *
 * Throws TidewatchError only: TW_TELEMETRY_TRUNCATED, TW_TELEMETRY_MALFORMED (also for protobuf without a signal: its three requests look the
 * same from outside), TW_TELEMETRY_TOO_DEEP, TW_TELEMETRY_TOO_LARGE. What can be used in spite of a fault is kept and the fault
 * counted in `clamped`; the reasons are listed at `readProtobuf` and `readJson`. Nothing of `bytes` is kept.
 */
export function decodeRequest(bytes: Uint8Array, options: DecodeOptions): OtlpRequest {
  const { keys, signal } = options
  if (bytes.length > options.maxBytes)
    throw new TidewatchError('TW_TELEMETRY_TOO_LARGE', `${bytes.length} bytes, allowed are ${options.maxBytes}`)
  let reading = readings.get(keys)
  if (reading === undefined) {
    reading = new Reading(keys)
    readings.set(keys, reading)
  }
  reading.limits.begin(options.maxDepth, options.maxRecords ?? defaultMaxRecords)
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const jsonStart = findJson(buffer)
  if (jsonStart >= 0) return readJson(reading.limits, keys, buffer.toString('utf8', jsonStart), signal)
  if (signal !== null) return readProtobuf(reading, buffer, signal)
  if (buffer.length === 0) return { signal: 'traces', scopes: [], clamped: {} }
  throw malformed('it is not JSON, and whether it holds traces, metrics or logs is not known')
}

/**
 * Where JSON begins, -1 where the bytes are not JSON. A protobuf request begins with 0x0A, which is a line feed, and then `{` may be its
 * length; so after white space an object must begin as a request does: with a name, or with its end.
 */
function findJson(bytes: Buffer): number {
  if (bytes[0] === 0x7b) return 0
  const mark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  const start = afterSpace(bytes, mark)
  if (bytes[start] !== 0x7b) return -1
  const next = afterSpace(bytes, start + 1)
  const isJson = bytes[next] === 0x7d ? afterSpace(bytes, next + 1) === bytes.length : bytes[next] === 0x22 && isLetter(bytes[next + 1])
  return isJson ? start : -1
}

function afterSpace(bytes: Buffer, from: number): number {
  let at = from
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++
  return at
}

function isLetter(byte: number | undefined): boolean {
  return byte !== undefined && (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a
}
