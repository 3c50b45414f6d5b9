import { crc32 } from 'node:zlib'
import type { Signal } from '../../telemetry/otlp/records.ts'
import type { SourceRecord } from '../source.ts'

/**
 * How records stand in a segment. All numbers are little-endian.
 *
 *     segment = "TWJ1" | crc32 u32 | epoch 8 bytes | base offset u64 | frame*
 *     frame   = mark u32 | crc32 u32 | body length u32 | headers length u32 | offset u64 | received u64 (ms) | signal u8 | 0 0 0 | body
 *     body    = headers (JSON, nothing when there are none) | value
 *
 * The mark and the start value of the checksum come from the journal's random epoch. So bytes that a sender chose are never taken
 * for a frame when a damaged place is searched for the next good one. The checksum covers everything behind itself.
 */

export interface JournalRecord {
  readonly signal: Signal
  readonly value: Uint8Array
  readonly headers: Readonly<Record<string, string>>
  /** Milliseconds since the epoch. */
  readonly receivedAt: number
}

export interface Frame {
  readonly offset: number
  /** Bytes in the file. */
  readonly size: number
  /** Null for a filler: no record stands at the offsets up to this one. */
  readonly record: SourceRecord | null
}

export const SEGMENT_HEADER_BYTES = 24
export const FRAME_HEADER_BYTES = 36

const SEGMENT_MARK = Buffer.from('TWJ1')
const CHECKED_FROM = 8
/** A wire number, so the order is fixed. 0 is a filler. */
const SIGNALS: readonly (Signal | null)[] = [null, 'traces', 'metrics', 'logs']

export function encodeSegmentHeader(epoch: string, base: number): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES)
  SEGMENT_MARK.copy(header)
  header.write(epoch, 8, 'hex')
  header.writeBigUInt64LE(BigInt(base), 16)
  header.writeUInt32LE(crc32(header.subarray(CHECKED_FROM)), 4)
  return header
}

/** The epoch (16 hex digits) and the first offset, or null where the bytes are no header. */
export function decodeSegmentHeader(header: Buffer): { epoch: string; base: number } | null {
  if (header.length < SEGMENT_HEADER_BYTES || !header.subarray(0, 4).equals(SEGMENT_MARK)) return null
  if (crc32(header.subarray(CHECKED_FROM, SEGMENT_HEADER_BYTES)) !== header.readUInt32LE(4)) return null
  return { epoch: header.toString('hex', 8, 16), base: Number(header.readBigUInt64LE(16)) }
}

/** Writes and reads the frames of one journal. */
export class FrameCodec {
  readonly mark: Buffer
  private readonly seed: number

  /** @param epoch 16 hex digits. */
  constructor(epoch: string) {
    const bytes = Buffer.from(epoch, 'hex')
    this.mark = bytes.subarray(0, 4)
    this.seed = bytes.readUInt32LE(4)
  }

  size(record: JournalRecord): number {
    return FRAME_HEADER_BYTES + encodeHeaders(record.headers).length + record.value.length
  }

  encode(target: Buffer, at: number, offset: number, record: JournalRecord): number {
    return this.write(target, at, offset, record.receivedAt, SIGNALS.indexOf(record.signal), encodeHeaders(record.headers), record.value)
  }

  /** A frame that stands for all offsets up to and with `offset` that hold no record. */
  filler(offset: number): Buffer {
    const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES)
    this.write(frame, 0, offset, 0, 0, NOTHING, NOTHING)
    return frame
  }

  /** Size of the frame that seems to begin at `at`, or null where none does. `bytes` must hold a frame header there. */
  sizeAt(bytes: Buffer, at: number): number | null {
    if (bytes.compare(this.mark, 0, 4, at, at + 4) !== 0) return null
    return FRAME_HEADER_BYTES + bytes.readUInt32LE(at + 8)
  }

  /** The frame of `size` bytes at `at`, or null where its checksum or its numbers do not hold. The value is a view of `bytes`. */
  decode(bytes: Buffer, at: number, size: number): Frame | null {
    if (crc32(bytes.subarray(at + CHECKED_FROM, at + size), this.seed) !== bytes.readUInt32LE(at + 4)) return null
    const offset = Number(bytes.readBigUInt64LE(at + 16))
    const signal = SIGNALS[bytes[at + 32]!]
    const valueAt = at + FRAME_HEADER_BYTES + bytes.readUInt32LE(at + 12)
    if (signal === undefined || valueAt > at + size) return null
    if (signal === null) return { offset, size, record: null }
    const timestamp = Number(bytes.readBigUInt64LE(at + 24))
    const headers = decodeHeaders(bytes.subarray(at + FRAME_HEADER_BYTES, valueAt))
    return { offset, size, record: { offset, timestamp, signal, headers, value: bytes.subarray(valueAt, at + size) } }
  }

  private write(target: Buffer, at: number, offset: number, time: number, signal: number, headers: Uint8Array, value: Uint8Array): number {
    const size = FRAME_HEADER_BYTES + headers.length + value.length
    target.set(this.mark, at)
    target.writeUInt32LE(headers.length + value.length, at + 8)
    target.writeUInt32LE(headers.length, at + 12)
    target.writeBigUInt64LE(BigInt(offset), at + 16)
    target.writeBigUInt64LE(BigInt(time), at + 24)
    target.writeUInt32LE(signal, at + 32)
    target.set(headers, at + FRAME_HEADER_BYTES)
    target.set(value, at + FRAME_HEADER_BYTES + headers.length)
    target.writeUInt32LE(crc32(target.subarray(at + CHECKED_FROM, at + size), this.seed), at + 4)
    return size
  }
}

const NOTHING = new Uint8Array(0)

function encodeHeaders(headers: Readonly<Record<string, string>>): Uint8Array {
  for (const _ in headers) return Buffer.from(JSON.stringify(headers))
  return NOTHING
}

function decodeHeaders(bytes: Buffer): Record<string, string> {
  return bytes.length === 0 ? {} : JSON.parse(bytes.toString())
}
