import { ByteTable, sampleHash } from './byte-table.ts'

const entries = 2048
const longest = 48

/** What `toString('utf8', start, end)` calls after it has looked up the encoding's name, which takes as long as reading a short text. */
interface Utf8Slice {
  utf8Slice(start: number, end: number): string
}

/** The text of a range of UTF-8 bytes. What is no UTF-8 becomes U+FFFD. */
export function utf8(bytes: Buffer, start: number, end: number): string {
  return (bytes as Buffer & Utf8Slice).utf8Slice(start, end)
}

/** Makes strings of UTF-8 bytes and remembers short ones, so that names that repeat are one string and are not made again. */
export class Texts {
  readonly #table = new ByteTable(entries, longest)
  readonly #texts = new Array<string>(entries).fill('')

  /** `view` looks at the same bytes. */
  read(bytes: Buffer, view: DataView, start: number, length: number): string {
    if (length === 0) return ''
    if (length > longest) return utf8(bytes, start, start + length)
    const hash = sampleHash(view, start, length)
    const known = this.#table.find(hash, view, start, length)
    if (known >= 0) return this.#texts[known]!
    const text = utf8(bytes, start, start + length)
    const entry = this.#table.admit(hash, view, start, length)
    if (entry >= 0) this.#texts[entry] = text
    return text
  }
}
