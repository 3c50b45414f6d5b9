/** Whether `length` bytes are equal in two buffers; reads only inside of both ranges. */
export function sameBytes(a: DataView, aStart: number, b: DataView, bStart: number, length: number): boolean {
  if (length < 4) {
    for (let i = 0; i < length; i++) if (a.getUint8(aStart + i) !== b.getUint8(bStart + i)) return false
    return true
  }
  // The last four bytes may have been compared already, and differ most often.
  const last = length - 4
  if (a.getInt32(aStart + last, true) !== b.getInt32(bStart + last, true)) return false
  let i = 0
  for (; i + 4 < last; i += 8) {
    const first = a.getInt32(aStart + i, true) ^ b.getInt32(bStart + i, true)
    if ((first | (a.getInt32(aStart + i + 4, true) ^ b.getInt32(bStart + i + 4, true))) !== 0) return false
  }
  return i >= last || a.getInt32(aStart + i, true) === b.getInt32(bStart + i, true)
}

/** Copies a range, reading and writing only inside of both. */
function copyBytes(from: DataView, fromStart: number, to: DataView, toStart: number, length: number): void {
  if (length < 4) {
    for (let i = 0; i < length; i++) to.setUint8(toStart + i, from.getUint8(fromStart + i))
    return
  }
  const last = length - 4
  for (let i = 0; i < last; i += 4) to.setInt32(toStart + i, from.getInt32(fromStart + i, true), true)
  to.setInt32(toStart + last, from.getInt32(fromStart + last, true), true)
}

/** A hash of a range that looks at its length and at five places of it: fast, and enough to tell names and short values apart. */
export function sampleHash(view: DataView, start: number, length: number): number {
  let hash = length
  if (length >= 4) {
    const last = length - 4
    const half = last >> 1
    const quarter = last >> 2
    hash = Math.imul(hash ^ view.getInt32(start, true), 0x9e3779b1)
    hash = Math.imul(hash ^ view.getInt32(start + quarter, true), 0x85ebca6b)
    hash = Math.imul(hash ^ view.getInt32(start + half, true), 0xc2b2ae35)
    hash = Math.imul(hash ^ view.getInt32(start + half + quarter, true), 0x27d4eb2f)
    hash = Math.imul(hash ^ view.getInt32(start + last, true), 0x165667b1)
  } else {
    for (let i = 0; i < length; i++) hash = Math.imul(hash ^ view.getUint8(start + i), 0x9e3779b1)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d)
  return hash ^ (hash >>> 15)
}

/**
 * Finds short byte ranges that were met before. Each has one place in the table, by its `sampleHash`, and pushes out what was there, so memory
 * is bounded and nothing grows old. A range is remembered the second time it is met, so that those that never repeat cost little and push
 * out nothing. What is made of a range can be kept beside the table, by entry.
 */
export class ByteTable {
  /** Longer ranges are not for this table. */
  readonly longest: number
  readonly #view: DataView
  readonly #lengths: Uint8Array
  /** By entry, the hash of the range that was met last and is not remembered. */
  readonly #waiting: Int32Array
  readonly #mask: number

  /** `entries` is a power of two, `longest` at most 255. */
  constructor(entries: number, longest: number) {
    this.longest = longest
    this.#mask = entries - 1
    this.#lengths = new Uint8Array(entries)
    this.#waiting = new Int32Array(entries)
    this.#view = new DataView(new ArrayBuffer(entries * longest))
  }

  /** The entry of a range of 1 to `longest` bytes, -1 where it is not remembered. */
  find(hash: number, view: DataView, start: number, length: number): number {
    const entry = hash & this.#mask
    return this.#lengths[entry] === length && sameBytes(this.#view, entry * this.longest, view, start, length) ? entry : -1
  }

  /** The entry that a range has from now on, -1 where it is met for the first time. */
  admit(hash: number, view: DataView, start: number, length: number): number {
    const entry = hash & this.#mask
    if (this.#waiting[entry] !== hash) {
      this.#waiting[entry] = hash
      return -1
    }
    this.#lengths[entry] = length
    copyBytes(view, start, this.#view, entry * this.longest, length)
    return entry
  }
}
