import type { ByteReader, ByteWriter } from './bytes.ts'

/** Names kept at once. */
const mostNames = 128

/**
 * Of many names, how often each came and how often it was marked. Bounded: when there are too many, the least marked half is
 * forgotten, so the counts of names that are often marked are exact or too low by little.
 */
export class Shares {
  readonly #counts = new Map<string, { all: number; marked: number }>()

  add(name: string, marked: boolean): void {
    let count = this.#counts.get(name)
    if (count === undefined) {
      if (this.#counts.size >= mostNames) this.#forget()
      count = { all: 0, marked: 0 }
      this.#counts.set(name, count)
    }
    count.all++
    if (marked) count.marked++
  }

  /** How often a name came; 0 for one that is not kept. */
  count(name: string): number {
    return this.#counts.get(name)?.all ?? 0
  }

  /** The names that were marked most: `a 12 of 15, b 3 of 80`. */
  told(most: number): string {
    return this.#ranked()
      .slice(0, most)
      .filter(([, { marked }]) => marked > 0)
      .map(([name, { all, marked }]) => `${name} ${marked} of ${all}`)
      .join(', ')
  }

  encode(writer: ByteWriter): void {
    writer.u16(this.#counts.size)
    for (const [name, { all, marked }] of this.#counts) writer.text(name).f64(all).f64(marked)
  }

  static decode(reader: ByteReader): Shares {
    const shares = new Shares()
    for (let left = reader.u16(); left > 0; left--) {
      const name = reader.text()
      const all = reader.f64()
      shares.#counts.set(name, { all, marked: reader.f64() })
    }
    return shares
  }

  #ranked(): [string, { readonly all: number; readonly marked: number }][] {
    return [...this.#counts].sort(([a, x], [b, y]) => y.marked - x.marked || y.all - x.all || (a < b ? -1 : 1))
  }

  #forget(): void {
    for (const [name] of this.#ranked().slice(mostNames / 2)) this.#counts.delete(name)
  }
}
