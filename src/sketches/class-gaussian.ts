import type { ByteReader, ByteWriter } from './bytes.ts'

/** Vectors that an average reaches back over. */
const memory = 10_000
/** A class's mean is pulled towards the mean of all by so many vectors' weight. */
const prior = 2

/**
 * Means of classes and the covariance within them, learned vector by vector, and squared Mahalanobis distances from a class's mean
 * (Lee et al. 2018). The covariance is shrunk towards a multiple of the identity by d / (d + n), as in `PopulationGaussian`. Distances
 * use the factor of the last `refresh`. d^2 / 2 numbers, and d a class.
 */
export class ClassGaussian {
  readonly #dimensions: number
  readonly #counts: Float64Array
  readonly #means: Float64Array
  readonly #grand: Float64Array
  /** Lower triangle, row by row, packed. */
  readonly #covariance: Float64Array
  readonly #factor: Float64Array
  readonly #work: Float64Array
  readonly #delta: Float64Array
  #count = 0

  constructor(dimensions: number, classes: number) {
    this.#dimensions = dimensions
    this.#counts = new Float64Array(classes)
    this.#means = new Float64Array(classes * dimensions)
    this.#grand = new Float64Array(dimensions)
    this.#covariance = new Float64Array((dimensions * (dimensions + 1)) / 2)
    this.#factor = new Float64Array(this.#covariance.length)
    this.#work = new Float64Array(dimensions)
    this.#delta = new Float64Array(dimensions)
  }

  learn(vector: Float64Array, label: number): void {
    const d = this.#dimensions
    const work = this.#delta
    const n = Math.min(memory, ++this.#count)
    const inClass = Math.min(memory, ++this.#counts[label])
    const means = this.#means
    const first = label * d
    for (let i = 0; i < d; i++) {
      work[i] = vector[i] - means[first + i]
      means[first + i] += work[i] / inClass
      this.#grand[i] += (vector[i] - this.#grand[i]) / n
    }
    // A class's first vector says nothing about the spread within it.
    if (inClass < 2) return
    const keep = 1 - 1 / n
    const weight = (1 - 1 / inClass) / n
    const covariance = this.#covariance
    for (let i = 0, at = 0; i < d; i++) {
      const w = weight * work[i]
      for (let j = 0; j <= i; j++, at++) covariance[at] = keep * covariance[at] + w * work[j]
    }
  }

  /** Takes what was learned over into the distances. */
  refresh(): void {
    const d = this.#dimensions
    const factor = this.#factor
    const n = Math.min(memory, this.#count)
    const shrinkage = d / (d + n)
    let trace = 0
    for (let i = 0, at = 0; i < d; at += ++i + 1) trace += this.#covariance[at]
    const ridge = (shrinkage * trace) / d + (1e-6 * trace) / d + 1e-12
    for (let i = 0, row = 0; i < d; row += ++i) {
      for (let j = 0, other = 0; j <= i; other += ++j) {
        let sum = (1 - shrinkage) * this.#covariance[row + j] + (i === j ? ridge : 0)
        for (let k = 0; k < j; k++) sum -= factor[row + k] * factor[other + k]
        factor[row + j] = i === j ? Math.sqrt(Math.max(sum, 1e-15)) : sum * factor[other + j]
      }
      // The diagonal is kept as its inverse: distances multiply by it.
      factor[row + i] = 1 / factor[row + i]
    }
  }

  /** The vector that `distance` was asked about last, centred on its class and whitened; not to be changed. */
  get whitened(): Float64Array {
    return this.#work
  }

  /** Squared Mahalanobis distance of `vector` from the mean of class `label`. */
  distance(vector: Float64Array, label: number): number {
    const d = this.#dimensions
    const work = this.#work
    const factor = this.#factor
    const first = label * d
    const share = this.#counts[label] / (this.#counts[label] + prior)
    let squared = 0
    for (let i = 0, row = 0; i < d; row += ++i) {
      const grand = this.#grand[i]
      let sum = vector[i] - grand - share * (this.#means[first + i] - grand)
      for (let k = 0; k < i; k++) sum -= factor[row + k] * work[k]
      sum *= factor[row + i]
      work[i] = sum
      squared += sum * sum
    }
    return squared
  }

  encode(writer: ByteWriter): void {
    writer.f64(this.#count).f64s(this.#counts).f64s(this.#means).f64s(this.#grand).f64s(this.#covariance).f64s(this.#factor)
  }

  static decode(reader: ByteReader, dimensions: number, classes: number): ClassGaussian {
    const gaussian = new ClassGaussian(dimensions, classes)
    gaussian.#count = reader.f64()
    for (const part of [gaussian.#counts, gaussian.#means, gaussian.#grand, gaussian.#covariance, gaussian.#factor]) {
      part.set(reader.f64s(part.length))
    }
    return gaussian
  }
}
