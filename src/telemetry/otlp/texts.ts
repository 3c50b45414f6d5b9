import { sameBytes, sampleHash } from './keys.ts'

/** Longer texts are not remembered: they hardly repeat. */
const longest = 48
/** Remembered texts of a group. A power of two. */
const ways = 16

/**
 * Makes strings of UTF-8 bytes and remembers short ones, so that a value that repeats (a model, a finish reason, a user) is one string and
 * is not made again. Texts are remembered by group (an attribute), so that values that never repeat push out only their own kind.
 * Memory is bounded: `groups` x 16 texts of at most 48 bytes.
 */
export class Texts {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #lengths: Uint8Array
  readonly #texts: string[]

  constructor(groups: number) {
    const entries = groups * ways
    this.#bytes = new Uint8Array(entries * longest)
    this.#view = new DataView(this.#bytes.buffer)
    this.#lengths = new Uint8Array(entries)
    this.#texts = new Array<string>(entries).fill('')
  }

  /** The text of a range. `view` looks at the same bytes. Bytes that are no UTF-8 become U+FFFD. */
  read(bytes: Buffer, view: DataView, start: number, length: number, group: number): string {
    if (length === 0) return ''
    if (length > longest) return bytes.toString('utf8', start, start + length)
    const entry = group * ways + (sampleHash(view, start, length) & (ways - 1))
    const at = entry * longest
    if (this.#lengths[entry] === length && sameBytes(this.#view, at, view, start, length)) return this.#texts[entry]!
    const text = bytes.toString('utf8', start, start + length)
    const own = this.#bytes
    for (let i = 0; i < length; i++) own[at + i] = bytes[start + i]!
    this.#lengths[entry] = length
    this.#texts[entry] = text
    return text
  }
}
