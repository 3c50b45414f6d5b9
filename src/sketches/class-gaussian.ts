import type { ByteReader, ByteWriter } from './bytes.ts'

/** Vectors that an average reaches back over. */
const memory = 10_000
/** A class's mean is pulled towards the mean of all by so many vectors' weight. */
const prior = 2

interface Class {
  count: number
  readonly mean: Float64Array
  /** Lower triangle, row by row, packed, as are all matrices here. */
  readonly covariance: Float64Array
  /** Cholesky factor as of the last refresh, its diagonal as inverses. */
  readonly factor: Float64Array
}

/**
 * Means and covariances of classes, learned vector by vector, and squared Mahalanobis distances from a class's mean (Lee et al. 2018), by
 * the covariance of the class itself as far as it is known: classes differ in shape, and what leaves the few directions in which one
 * class varies is ordinary for another. A class's covariance is shrunk towards the one within all classes by 2 d / (2 d + n)
 * (Friedman 1989; d dimensions, n vectors of the class), and that towards a multiple of the identity by d / (d + n), n all vectors.
 * Distances use the factors of the last `refresh`. d^2 + 2 d numbers a class.
 */
export class ClassGaussian {
  readonly #dimensions: number
  readonly #classes: (Class | null)[]
  readonly #grand: Float64Array
  /** Factor of the covariance within all classes, for those that are hardly known. */
  readonly #shared: Float64Array
  readonly #work: Float64Array
  readonly #delta: Float64Array
  #count = 0

  constructor(dimensions: number, classes: number) {
    this.#dimensions = dimensions
    this.#classes = new Array<Class | null>(classes).fill(null)
    this.#grand = new Float64Array(dimensions)
    this.#shared = new Float64Array((dimensions * (dimensions + 1)) / 2)
    this.#work = new Float64Array(dimensions)
    this.#delta = new Float64Array(dimensions)
  }

  /** Vectors learned. */
  get count(): number {
    return this.#count
  }

  learn(vector: Float64Array, label: number): void {
    const d = this.#dimensions
    const work = this.#delta
    const n = Math.min(memory, ++this.#count)
    const own = this.#classOf(label)
    const inClass = Math.min(memory, ++own.count)
    const { mean, covariance } = own
    for (let i = 0; i < d; i++) {
      work[i] = vector[i] - mean[i]
      mean[i] += work[i] / inClass
      this.#grand[i] += (vector[i] - this.#grand[i]) / n
    }
    const keep = 1 - 1 / inClass
    const weight = keep / inClass
    for (let i = 0, at = 0; i < d; i++) {
      const w = weight * work[i]
      for (let j = 0; j <= i; j++, at++) covariance[at] = keep * covariance[at] + w * work[j]
    }
  }

  /** Takes what was learned over into the distances. */
  refresh(): void {
    const d = this.#dimensions
    const known = this.#classes.filter((one) => one !== null)
    const within = new Float64Array(this.#shared.length)
    let total = 0
    for (const { count, covariance } of known) {
      // A class's first vector says nothing about the spread within it.
      const weight = Math.max(0, Math.min(memory, count) - 1)
      total += weight
      for (let i = 0; i < within.length; i++) within[i] += weight * covariance[i]
    }
    let trace = 0
    for (let i = 0; i < within.length; i++) within[i] /= Math.max(1, total)
    for (let i = 0, at = 0; i < d; at += ++i + 1) trace += within[at]
    const shrinkage = d / (d + Math.min(memory, this.#count))
    for (let i = 0; i < within.length; i++) within[i] *= 1 - shrinkage
    for (let i = 0, at = 0; i < d; at += ++i + 1) within[at] += ((shrinkage + 1e-6) * trace) / d + 1e-12
    factorise(within, d, this.#shared)
    const mixed = new Float64Array(within.length)
    for (const { count, covariance, factor } of known) {
      const towards = (2 * d) / (2 * d + Math.min(memory, count))
      for (let i = 0; i < mixed.length; i++) mixed[i] = towards * within[i] + (1 - towards) * covariance[i]
      factorise(mixed, d, factor)
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
    const own = this.#classes[label]
    // A class that was not there at the last refresh has no factor of its own.
    const factor = own !== null && own.factor[0] > 0 ? own.factor : this.#shared
    const mean = own === null ? this.#grand : own.mean
    const share = own === null ? 0 : own.count / (own.count + prior)
    let squared = 0
    for (let i = 0, row = 0; i < d; row += ++i) {
      const grand = this.#grand[i]
      let sum = vector[i] - grand - share * (mean[i] - grand)
      for (let k = 0; k < i; k++) sum -= factor[row + k] * work[k]
      sum *= factor[row + i]
      work[i] = sum
      squared += sum * sum
    }
    return squared
  }

  encode(writer: ByteWriter): void {
    writer.f64(this.#count).f64s(this.#grand).f64s(this.#shared)
    for (const one of this.#classes) {
      writer.f64(one === null ? 0 : one.count)
      if (one !== null) writer.f64s(one.mean).f64s(one.covariance).f64s(one.factor)
    }
  }

  static decode(reader: ByteReader, dimensions: number, classes: number): ClassGaussian {
    const gaussian = new ClassGaussian(dimensions, classes)
    gaussian.#count = reader.f64()
    for (const part of [gaussian.#grand, gaussian.#shared]) part.set(reader.f64s(part.length))
    for (let label = 0; label < classes; label++) {
      const count = reader.f64()
      if (count === 0) continue
      const one = gaussian.#classOf(label)
      one.count = count
      for (const part of [one.mean, one.covariance, one.factor]) part.set(reader.f64s(part.length))
    }
    return gaussian
  }

  #classOf(label: number): Class {
    let own = this.#classes[label]
    if (own === null) {
      const d = this.#dimensions
      const size = this.#shared.length
      own = { count: 0, mean: new Float64Array(d), covariance: new Float64Array(size), factor: new Float64Array(size) }
      this.#classes[label] = own
    }
    return own
  }
}

/** Lower Cholesky factor of a packed matrix, its diagonal as inverses: distances multiply by it. */
function factorise(matrix: Float64Array, d: number, factor: Float64Array): void {
  for (let i = 0, row = 0; i < d; row += ++i) {
    for (let j = 0, other = 0; j <= i; other += ++j) {
      let sum = matrix[row + j]
      for (let k = 0; k < j; k++) sum -= factor[row + k] * factor[other + k]
      factor[row + j] = i === j ? 1 / Math.sqrt(Math.max(sum, 1e-15)) : sum * factor[other + j]
    }
  }
}
