import { ByteTable } from './byte-table.ts'
import type { AttributeList, AttributeValue } from './records.ts'

const entries = 4096
const longest = 96

/** What an attribute is to the mapping. `slot` is -1 where nobody reads it or it holds nothing. */
export interface Attribute {
  slot: number
  /** For members of a family only, else ''. */
  name: string
  value: AttributeValue
}

/**
 * Remembers attributes by their bytes, name and value together: most attributes of a batch repeat from span to span (the model, the provider,
 * a parameter, a user), and those that nobody reads do so, too. One look then replaces finding the name and reading the value.
 * Remembered values are shared between records, so only what cannot be changed is remembered: scalars, and lists of scalars, which are frozen.
 */
export class Pairs {
  readonly #table = new ByteTable(entries, longest)
  readonly #slots = new Int32Array(entries)
  readonly #names = new Array<string>(entries).fill('')
  readonly #values = new Array<AttributeValue>(entries).fill('')

  /** The entry of the attribute of just these bytes, -1 where it is not remembered. */
  find(hash: number, view: DataView, start: number, length: number): number {
    return length > longest || length === 0 ? -1 : this.#table.find(hash, view, start, length)
  }

  /** Remembers an attribute that was not found, where it can be and is met again. */
  remember(hash: number, view: DataView, start: number, length: number, { slot, name, value }: Attribute): void {
    if (length > longest || length === 0 || !isShareable(value)) return
    const entry = this.#table.admit(hash, view, start, length)
    if (entry < 0) return
    if (typeof value === 'object') Object.freeze(value)
    this.#slots[entry] = slot
    this.#names[entry] = name
    this.#values[entry] = value
  }

  append(entry: number, into: AttributeList): void {
    const slot = this.#slots[entry]!
    if (slot < 0) return
    into.slots.push(slot)
    into.names.push(this.#names[entry]!)
    into.values.push(this.#values[entry]!)
  }
}

/** Whether a value cannot be changed once it is frozen. */
function isShareable(value: AttributeValue): boolean {
  return typeof value !== 'object' || (Array.isArray(value) && value.every((element) => typeof element !== 'object'))
}
