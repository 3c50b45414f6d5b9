/** Little-endian writer for compact binary state. Grows as needed. */
export class ByteWriter {
  #bytes: Uint8Array
  #view: DataView
  #length = 0

  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  u8(value: number): this {
    const at = this.#reserve(1)
    this.#view.setUint8(at, value)
    return this
  }

  u16(value: number): this {
    const at = this.#reserve(2)
    this.#view.setUint16(at, value, true)
    return this
  }

  u32(value: number): this {
    const at = this.#reserve(4)
    this.#view.setUint32(at, value, true)
    return this
  }

  f64(value: number): this {
    const at = this.#reserve(8)
    this.#view.setFloat64(at, value, true)
    return this
  }

  /** Float32 values, without a length. */
  f32s(values: Float32Array): this {
    const at = this.#reserve(values.length * 4)
    for (let i = 0; i < values.length; i++) this.#view.setFloat32(at + 4 * i, values[i], true)
    return this
  }

  /** Float64 values, without a length. */
  f64s(values: Float64Array): this {
    const at = this.#reserve(values.length * 8)
    for (let i = 0; i < values.length; i++) this.#view.setFloat64(at + 8 * i, values[i], true)
    return this
  }

  /** Bytes with their length before them. */
  block(bytes: Uint8Array): this {
    this.u32(bytes.length)
    const at = this.#reserve(bytes.length)
    this.#bytes.set(bytes, at)
    return this
  }

  /** UTF-8 with its length before it. */
  text(value: string): this {
    return this.block(utf8.encode(value))
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #reserve(size: number): number {
    const at = this.#length
    this.#length += size
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length))
      grown.set(this.#bytes)
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    return at
  }
}

/** Reads what `ByteWriter` wrote. Throws a RangeError beyond the end. */
export class ByteReader {
  #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true)
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true)
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true)
  }

  f32s(count: number): Float32Array {
    const at = this.#take(count * 4)
    if (this.#at > this.#view.byteLength) throw new RangeError('read beyond the end')
    const values = new Float32Array(count)
    for (let i = 0; i < count; i++) values[i] = this.#view.getFloat32(at + 4 * i, true)
    return values
  }

  f64s(count: number): Float64Array {
    const at = this.#take(count * 8)
    if (this.#at > this.#view.byteLength) throw new RangeError('read beyond the end')
    const values = new Float64Array(count)
    for (let i = 0; i < count; i++) values[i] = this.#view.getFloat64(at + 8 * i, true)
    return values
  }

  block(): Uint8Array {
    const length = this.u32()
    const at = this.#take(length)
    if (this.#at > this.#view.byteLength) throw new RangeError('read beyond the end')
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + at, length).slice()
  }

  text(): string {
    return utf8Decoder.decode(this.block())
  }

  get done(): boolean {
    return this.#at >= this.#view.byteLength
  }

  #take(size: number): number {
    const at = this.#at
    this.#at += size
    return at
  }
}

const utf8 = new TextEncoder()
const utf8Decoder = new TextDecoder()
