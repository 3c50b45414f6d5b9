import type { AttributeKeys } from './records.ts'

/** Whether `length` bytes are equal in two buffers; reads only inside of both ranges. */
export function sameBytes(a: DataView, aStart: number, b: DataView, bStart: number, length: number): boolean {
  if (length < 4) {
    for (let i = 0; i < length; i++) if (a.getUint8(aStart + i) !== b.getUint8(bStart + i)) return false
    return true
  }
  const last = length - 4
  for (let i = 0; i < last; i += 4) if (a.getInt32(aStart + i) !== b.getInt32(bStart + i)) return false
  return a.getInt32(aStart + last) === b.getInt32(bStart + last)
}

/** A hash of a range that looks at its length, its last four bytes and four from its middle: enough to tell attribute names and short values apart. */
export function sampleHash(view: DataView, start: number, length: number): number {
  let sample = length
  if (length >= 4) {
    const last = view.getInt32(start + length - 4)
    const middle = view.getInt32(start + ((length - 4) >> 1))
    sample ^= Math.imul(last, 0x9e3779b1) ^ Math.imul(middle, 0x85ebca6b)
  } else {
    for (let i = 0; i < length; i++) sample = Math.imul(sample, 257) + view.getUint8(start + i)
    sample = Math.imul(sample, 0x9e3779b1)
  }
  return sample ^ (sample >>> 15)
}

/** Finds the slot of an attribute name by its UTF-8 bytes, so that names that nobody reads never become strings. */
export class ByteKeys {
  readonly #bytes: DataView
  readonly #starts: readonly number[]
  readonly #lengths: readonly number[]
  readonly #hashes: readonly number[]
  /** Open addressing: slot + 1, 0 where empty. At most a quarter is filled, so that probing ends soon for any name. */
  readonly #table: Uint16Array
  readonly #mask: number
  readonly #nameCount: number

  constructor(keys: AttributeKeys) {
    const encoded = [...keys.names, ...keys.families].map((name) => new TextEncoder().encode(name))
    const bytes = new Uint8Array(encoded.reduce((sum, { length }) => sum + length, 0))
    this.#bytes = new DataView(bytes.buffer)
    this.#lengths = encoded.map(({ length }) => length)
    let end = 0
    this.#starts = encoded.map((name) => {
      bytes.set(name, end)
      end += name.length
      return end - name.length
    })
    this.#hashes = encoded.map((_, slot) => sampleHash(this.#bytes, this.#starts[slot]!, this.#lengths[slot]!))
    this.#nameCount = keys.names.length
    let size = 16
    while (size < this.#nameCount * 4) size *= 2
    this.#mask = size - 1
    this.#table = new Uint16Array(size)
    for (let slot = 0; slot < this.#nameCount; slot++) {
      let at = this.#hashes[slot]! & this.#mask
      while (this.#table[at] !== 0) at = (at + 1) & this.#mask
      this.#table[at] = slot + 1
    }
  }

  /** The same as `slotOf` of the keys that this was made of, for a name that stands in `view`. */
  slotOf(view: DataView, start: number, length: number): number {
    const hash = sampleHash(view, start, length)
    for (let at = hash & this.#mask; ; at = (at + 1) & this.#mask) {
      const slot = this.#table[at]! - 1
      if (slot < 0) return this.#familyOf(view, start, length)
      if (this.#hashes[slot] === hash && this.#lengths[slot] === length && sameBytes(this.#bytes, this.#starts[slot]!, view, start, length))
        return slot
    }
  }

  /** Whether a slot is a family's, whose members keep their name. */
  isFamily(slot: number): boolean {
    return slot >= this.#nameCount
  }

  #familyOf(view: DataView, start: number, length: number): number {
    for (let slot = this.#nameCount; slot < this.#lengths.length; slot++) {
      const prefix = this.#lengths[slot]!
      if (prefix <= length && sameBytes(this.#bytes, this.#starts[slot]!, view, start, prefix)) return slot
    }
    return -1
  }
}
