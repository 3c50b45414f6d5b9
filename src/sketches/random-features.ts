import { createRandom } from './random.ts'

/**
 * Random Fourier features of the Gaussian kernel exp(-|x - y|^2 / (2 h^2)) (Rahimi and Recht 2007) with structured orthogonal
 * projections (Yu et al. 2016: three rounds of random signs and a Hadamard transform), O(n log n) and without allocation.
 *
 * Inputs of any length n are brought to `size` numbers first: shorter ones are padded, longer ones folded with random signs, which
 * keeps inner products in expectation. They are scaled to unit length, so that one bandwidth serves every embedding.
 */
export class RandomFeatures {
  /** Features a vector has. Their mean over calls is the mean embedding; sums over calls, accounts or time add up. */
  readonly count: number
  readonly #size: number
  readonly #signs: Int8Array
  readonly #fold: Int8Array
  readonly #phases: Float64Array
  readonly #scale: number
  readonly #work: Float64Array

  /** `size` a power of two and the number of features; `bandwidth` h in units of the unit sphere. */
  constructor(options: { size: number; bandwidth: number; seed: string }) {
    const { size, bandwidth, seed } = options
    const random = createRandom(`random-features/${seed}`)
    this.count = size
    this.#size = size
    this.#signs = Int8Array.from({ length: 3 * size }, random.sign)
    this.#fold = Int8Array.from({ length: maxLength }, random.sign)
    this.#phases = Float64Array.from({ length: size }, () => 2 * Math.PI * random.uniform())
    // Three unnormalised Hadamard transforms multiply by size^1.5; rows must have the length sqrt(size) of a Gaussian row.
    this.#scale = 1 / (bandwidth * size)
    this.#work = new Float64Array(size)
  }

  /**
   * Adds `weight` times the features of `vector`, each sqrt(2) cos(w x + b), to `sum`. Returns false and adds nothing where the vector
   * has no direction (zero, not finite).
   */
  addTo(sum: Float32Array, vector: Float32Array, weight = 1): boolean {
    const work = this.#work
    const size = this.#size
    const signs = this.#signs
    const length = Math.min(vector.length, maxLength)
    work.fill(0)
    if (length <= size) for (let i = 0; i < length; i++) work[i] = vector[i]
    else for (let i = 0; i < length; i++) work[i & (size - 1)] += vector[i] * this.#fold[i]
    let norm = 0
    for (let i = 0; i < size; i++) norm += work[i] * work[i]
    if (!(norm > 0 && norm < Number.POSITIVE_INFINITY)) return false
    for (let round = 0; round < 3; round++) {
      const offset = round * size
      for (let i = 0; i < size; i++) work[i] *= signs[offset + i]
      hadamard(work)
    }
    const scale = this.#scale / Math.sqrt(norm)
    const phases = this.#phases
    const amplitude = Math.SQRT2 * weight
    for (let i = 0; i < size; i++) sum[i] += amplitude * Math.cos(work[i] * scale + phases[i])
    return true
  }
}

const maxLength = 16384

/** Unnormalised fast Walsh-Hadamard transform in place; the length is a power of two. */
export function hadamard(values: Float64Array): void {
  const size = values.length
  for (let half = 1; half < size; half *= 2) {
    for (let start = 0; start < size; start += 2 * half) {
      for (let i = start; i < start + half; i++) {
        const a = values[i]
        const b = values[i + half]
        values[i] = a + b
        values[i + half] = a - b
      }
    }
  }
}
