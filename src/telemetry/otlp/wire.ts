import { TidewatchError } from '../../errors.ts'

/** Groups (a form that OTLP does not use) deeper than this are refused. */
const maxGroupDepth = 100

export function malformed(detail: string): TidewatchError {
  return new TidewatchError('TW_TELEMETRY_MALFORMED', detail)
}

/**
 * A cursor over protobuf bytes. A message is read as
 * `while (wire.pos < end) { const tag = wire.tag(); if (tag === ...) ... else wire.skip(tag, end) } wire.finish(end)`.
 * Nothing outside of the bytes is ever read: what would do so throws TW_TELEMETRY_TRUNCATED, and a field that leaves its message
 * TW_TELEMETRY_MALFORMED. A known field with another wire type than its own is an unknown field, as the encoding's rules have it.
 */
export class Wire {
  bytes: Buffer = Buffer.alloc(0)
  view: DataView = new DataView(new ArrayBuffer(0))
  pos = 0

  load(bytes: Buffer): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.pos = 0
  }

  /** Field number and wire type as they stand on the wire: `number << 3 | type`. */
  tag(): number {
    const first = this.bytes[this.pos]!
    if (first < 128) {
      this.pos++
      return first
    }
    return this.#longTag()
  }

  /** The length of a length-delimited field, which then begins at `pos` and lies before `end`. */
  size(end: number): number {
    let length = this.pos < this.bytes.length ? this.bytes[this.pos]! : 128
    if (length < 128) this.pos++
    else length = this.#varint(false)
    if (length > end - this.pos) throw this.#overrun(end)
    return length
  }

  /** Whether a varint is other than zero. */
  bool(): boolean {
    return this.int64() !== 0
  }

  /** A varint as a signed 64-bit integer; beyond 2^53 the nearest double. */
  int64(): number {
    const first = this.pos < this.bytes.length ? this.bytes[this.pos]! : 128
    if (first < 128) {
      this.pos++
      return first
    }
    return this.#varint(true)
  }

  double(): number {
    const at = this.#fixed(8)
    return this.view.getFloat64(at, true)
  }

  /** Beyond 2^53 the nearest double, as in the following. */
  fixed64(): number {
    const at = this.#fixed(8)
    return this.view.getUint32(at + 4, true) * 4294967296 + this.view.getUint32(at, true)
  }

  signedFixed64(): number {
    const at = this.#fixed(8)
    return this.view.getInt32(at + 4, true) * 4294967296 + this.view.getUint32(at, true)
  }

  /** Nanoseconds of a fixed64 as whole microseconds, rounded down; exact while the result is below 2^53. */
  micros(): number {
    const at = this.#fixed(8)
    const high = this.view.getUint32(at + 4, true)
    const quotient = Math.floor(high / 1000)
    // Below 2^43, so that neither the sum nor the division can lose the integer part.
    const rest = (high - quotient * 1000) * 4294967296 + this.view.getUint32(at, true)
    return quotient * 4294967296 + Math.floor(rest / 1000)
  }

  /** Passes over the field whose tag was just read. */
  skip(tag: number, end: number): void {
    if (tag < 8) throw malformed(`field number 0 at byte ${this.pos}`)
    switch (tag & 7) {
      case 0:
        this.int64()
        return
      case 1:
        this.#fixed(8)
        return
      case 2: {
        const length = this.size(end)
        this.pos += length
        return
      }
      case 3:
        this.#skipGroup(tag, end)
        return
      case 5:
        this.#fixed(4)
        return
      default:
        throw malformed(`wire type ${tag & 7} at byte ${this.pos}`)
    }
  }

  /** To be called at the end of a message: throws where its last field went beyond it. */
  finish(end: number): void {
    if (this.pos !== end) throw this.#overrun(end)
  }

  /** Moves over `width` bytes and gives where they begin. */
  #fixed(width: number): number {
    const at = this.pos
    this.pos = at + width
    if (this.pos > this.bytes.length) throw this.#overrun(this.bytes.length)
    return at
  }

  /** Iterative, so that no nesting can exhaust the stack. */
  #skipGroup(tag: number, end: number): void {
    const open = [tag >>> 3]
    while (open.length > 0) {
      if (this.pos >= end) throw this.#overrun(end)
      const inner = this.tag()
      if ((inner & 7) === 3) {
        if (open.length === maxGroupDepth) throw new TidewatchError('TW_TELEMETRY_TOO_DEEP', `groups at byte ${this.pos}`)
        open.push(inner >>> 3)
      } else if ((inner & 7) === 4) {
        if (open.pop() !== inner >>> 3) throw malformed(`a group ends that did not begin, at byte ${this.pos}`)
      } else this.skip(inner, end)
    }
  }

  #longTag(): number {
    const tag = this.#varint(false)
    if (tag > 0xffffffff) throw malformed(`field number too large at byte ${this.pos}`)
    return tag
  }

  /** A varint of several bytes, modulo 2^64 as the encoding's rules have it. */
  #varint(signed: boolean): number {
    const { bytes } = this
    // Bits 0 to 27, 28 to 55 and 56 to 63.
    let low = 0
    let middle = 0
    let high = 0
    for (let i = 0; i < 10; i++) {
      if (this.pos >= bytes.length) throw this.#overrun(bytes.length)
      const byte = bytes[this.pos++]!
      if (i < 4) low |= (byte & 127) << (i * 7)
      else if (i < 8) middle |= (byte & 127) << ((i - 4) * 7)
      else high |= (byte & 127) << ((i - 8) * 7)
      if (byte < 128) {
        const lower = (low | (middle << 28)) >>> 0
        const upper = (middle >>> 4) | (high << 24)
        return (signed ? upper : upper >>> 0) * 4294967296 + lower
      }
    }
    throw malformed(`a varint of more than 10 bytes at byte ${this.pos}`)
  }

  #overrun(end: number): TidewatchError {
    if (end === this.bytes.length) return new TidewatchError('TW_TELEMETRY_TRUNCATED', `${end} bytes are not the whole message`)
    return malformed(`a field goes beyond the end of its message at byte ${end}`)
  }
}
