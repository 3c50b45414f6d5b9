import { sameBytes, sampleHash } from './byte-table.ts'
import type { AttributeKeys } from './records.ts'

/** Numbers of a row of the table: hash, start, length, slot + 1 (0 where the row is empty). */
const rowWidth = 4

/** Finds the slot of an attribute name by its UTF-8 bytes, so that names that nobody reads never become strings. */
export class ByteKeys {
  /** All names and families, one after the other. */
  readonly #bytes: DataView
  /** Open addressing. At most a quarter is filled, so that probing ends soon for any name. */
  readonly #table: Int32Array
  readonly #mask: number
  readonly #nameCount: number
  readonly #families: readonly { readonly start: number; readonly length: number }[]

  constructor(keys: AttributeKeys) {
    const encoded = [...keys.names, ...keys.families].map((name) => new TextEncoder().encode(name))
    const bytes = new Uint8Array(encoded.reduce((sum, { length }) => sum + length, 0))
    let end = 0
    const ranges = encoded.map((name) => {
      const start = end
      bytes.set(name, start)
      end += name.length
      return { start, length: name.length }
    })
    this.#bytes = new DataView(bytes.buffer)
    this.#nameCount = keys.names.length
    this.#families = ranges.slice(this.#nameCount)
    let rows = 16
    while (rows < this.#nameCount * 4) rows *= 2
    this.#mask = rows - 1
    this.#table = new Int32Array(rows * rowWidth)
    ranges.slice(0, this.#nameCount).forEach(({ start, length }, slot) => {
      const hash = sampleHash(this.#bytes, start, length)
      let row = hash & this.#mask
      while (this.#table[row * rowWidth + 3] !== 0) row = (row + 1) & this.#mask
      this.#table.set([hash, start, length, slot + 1], row * rowWidth)
    })
  }

  /** The same as `slotOf` of the keys that this was made of, for a name that stands in `view`. */
  slotOf(view: DataView, start: number, length: number): number {
    const table = this.#table
    const hash = sampleHash(view, start, length)
    for (let row = hash & this.#mask; ; row = (row + 1) & this.#mask) {
      const at = row * rowWidth
      const slot = table[at + 3]! - 1
      if (slot < 0) return this.#familyOf(view, start, length)
      if (table[at] === hash && table[at + 2] === length && sameBytes(this.#bytes, table[at + 1]!, view, start, length)) return slot
    }
  }

  /** Whether a slot is a family's, whose members keep their name. */
  isFamily(slot: number): boolean {
    return slot >= this.#nameCount
  }

  #familyOf(view: DataView, start: number, length: number): number {
    const families = this.#families
    for (let i = 0; i < families.length; i++) {
      const family = families[i]!
      if (family.length <= length && sameBytes(this.#bytes, family.start, view, start, family.length)) return this.#nameCount + i
    }
    return -1
  }
}
