import { createRandom } from './random.ts'

/** One cell of 65,536 for each direction: unrelated inputs nearly never share one, near-duplicates mostly do. */
const bits = 16

/**
 * Locality-sensitive binary codes from a shift-invariant kernel (Raginsky and Lazebnik 2009): bit i is the sign of cos(w_i x / h + b_i) with
 * w_i standard normal and b_i uniform, x scaled to unit length. The share of bits in which two inputs differ grows with their distance and levels off
 * beyond h, for unrelated inputs at about a third. Other than random hyperplanes it needs no centre, and so no look at the data beforehand.
 */
export class BinaryCode {
  readonly #length: number
  readonly #weights: Float64Array
  readonly #phases: Float64Array

  /** Inputs have `length` numbers; `bandwidth` h in units of the unit sphere. */
  constructor(options: { length: number; bandwidth: number; seed: string }) {
    const { length, bandwidth, seed } = options
    const random = createRandom(`binary-code/${seed}/${length}`)
    this.#length = length
    this.#weights = Float64Array.from({ length: bits * length }, () => random.normal() / bandwidth)
    this.#phases = Float64Array.from({ length: bits }, () => 2 * Math.PI * random.uniform())
  }

  /** The cell of `vector`, 0..65535; -1 where it has no direction (zero, not finite). */
  cellOf(vector: Float32Array): number {
    const length = this.#length
    let squared = 0
    for (let i = 0; i < length; i++) squared += vector[i] * vector[i]
    if (!(squared > 0 && squared < Number.POSITIVE_INFINITY)) return -1
    const scale = 1 / Math.sqrt(squared)
    const weights = this.#weights
    let cell = 0
    // Four bits at a time, so that each number of the input is read once for them.
    for (let bit = 0; bit < bits; bit += 4) {
      let a = 0
      let b = 0
      let c = 0
      let d = 0
      for (let i = 0, at = bit * length; i < length; i++, at += 4) {
        const x = vector[i]
        a += weights[at] * x
        b += weights[at + 1] * x
        c += weights[at + 2] * x
        d += weights[at + 3] * x
      }
      cell = (cell << 4) | (this.#bit(bit, a * scale) << 3)
      cell |= (this.#bit(bit + 1, b * scale) << 2) | (this.#bit(bit + 2, c * scale) << 1) | this.#bit(bit + 3, d * scale)
    }
    return cell
  }

  #bit(bit: number, projected: number): number {
    return Math.cos(projected + this.#phases[bit]) > 0 ? 1 : 0
  }
}

/** The codes of embeddings of any length, each made when it is first needed. */
export class BinaryCodes {
  readonly #bandwidth: number
  readonly #seed: string
  readonly #codes = new Map<number, BinaryCode>()

  constructor(bandwidth: number, seed: string) {
    this.#bandwidth = bandwidth
    this.#seed = seed
  }

  /** The cell of `vector` as a hash of 32 bits; null where it has no direction. */
  hashOf(vector: Float32Array): number | null {
    let code = this.#codes.get(vector.length)
    if (code === undefined) {
      code = new BinaryCode({ length: vector.length, bandwidth: this.#bandwidth, seed: this.#seed })
      this.#codes.set(vector.length, code)
    }
    const cell = code.cellOf(vector)
    return cell < 0 ? null : mixed(cell)
  }
}

/** Spreads a number over 32 bits (murmur3's mixer). */
function mixed(cell: number): number {
  let h = Math.imul(cell + 1, 0x9e3779b1)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
