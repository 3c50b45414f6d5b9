import { createRandom } from './random.ts'

/** Places that an input's number goes to, each with a random sign. */
const copies = 4

/**
 * Sparse random projection that keeps squared distances in expectation (Kane and Nelson 2014): every number of the input is added to four
 * of the outputs with random signs. Four additions a number, whatever the output's size.
 */
export class Projection {
  /** Numbers that come out: `most`, or the input's own where it has no more (then nothing is changed). */
  readonly size: number
  readonly #length: number
  readonly #places: Uint16Array
  readonly #signs: Float64Array

  /** Inputs have `length` numbers; `most` is a multiple of 4. */
  constructor(options: { length: number; most: number; seed: string }) {
    const { length, most, seed } = options
    const projects = length > most
    const random = createRandom(`projection/${seed}/${length}`)
    const block = most / copies
    this.#length = length
    this.size = projects ? most : length
    // One place in each quarter of the output: never the same twice.
    this.#places = Uint16Array.from({ length: projects ? copies * length : 0 }, (_, i) => (i % copies) * block + (random.uint32() % block))
    this.#signs = Float64Array.from(this.#places, () => random.sign() / Math.sqrt(copies))
  }

  /** Writes the projection of `vector` (its first `length` numbers) to `out`. */
  project(vector: Float64Array, out: Float64Array): void {
    const places = this.#places
    const signs = this.#signs
    if (places.length === 0) {
      for (let i = 0; i < this.#length; i++) out[i] = vector[i]
      return
    }
    out.fill(0)
    for (let i = 0, at = 0; i < this.#length; i++, at += copies) {
      const x = vector[i]
      out[places[at]] += signs[at] * x
      out[places[at + 1]] += signs[at + 1] * x
      out[places[at + 2]] += signs[at + 2] * x
      out[places[at + 3]] += signs[at + 3] * x
    }
  }
}
