import type { ByteReader, ByteWriter } from './bytes.ts'

/**
 * Mean and covariance of a small population of vectors, with what one needs to compare a member with the others: squared Mahalanobis
 * distances with the member itself left out. The covariance is shrunk towards a multiple of the identity by d / (d + n), so that it
 * can be inverted for fewer members than dimensions.
 */
export class PopulationGaussian {
  readonly #dimensions: number
  readonly #members: number
  readonly #mean: Float64Array
  /** Lower Cholesky factor of the shrunk covariance, row by row. */
  readonly #factor: Float64Array
  readonly #kept: number
  readonly #x: Float64Array
  readonly #v: Float64Array

  private constructor(members: number, mean: Float64Array, factor: Float64Array, kept: number) {
    this.#dimensions = mean.length
    this.#members = members
    this.#mean = mean
    this.#factor = factor
    this.#kept = kept
    this.#x = new Float64Array(mean.length)
    this.#v = new Float64Array(mean.length)
  }

  /** `vectors` all have one length d; at least 3 of them. */
  static of(vectors: readonly Float32Array[]): PopulationGaussian {
    const d = vectors[0].length
    const n = vectors.length
    const mean = new Float64Array(d)
    for (const vector of vectors) for (let i = 0; i < d; i++) mean[i] += vector[i] / n
    const covariance = new Float64Array(d * d)
    const centred = new Float64Array(d)
    for (const vector of vectors) {
      for (let i = 0; i < d; i++) centred[i] = vector[i] - mean[i]
      for (let i = 0; i < d; i++) {
        const ci = centred[i] / (n - 1)
        for (let j = 0, at = i * d; j <= i; j++, at++) covariance[at] += ci * centred[j]
      }
    }
    let trace = 0
    for (let i = 0; i < d; i++) trace += covariance[i * d + i]
    const shrinkage = d / (d + n)
    const kept = 1 - shrinkage
    // A population of equal vectors has no spread; the smallest double that matters keeps the factor real.
    const ridge = (shrinkage * trace) / d + 1e-12
    for (let i = 0; i < d * d; i++) covariance[i] *= kept
    for (let i = 0; i < d; i++) covariance[i * d + i] += ridge
    return new PopulationGaussian(n, mean, cholesky(covariance, d), kept)
  }

  encode(writer: ByteWriter): void {
    writer.u32(this.#dimensions).u32(this.#members).f64(this.#kept)
    for (const value of this.#mean) writer.f64(value)
    for (let i = 0; i < this.#dimensions; i++) for (let j = 0; j <= i; j++) writer.f64(this.#factor[i * this.#dimensions + j])
  }

  static decode(reader: ByteReader): PopulationGaussian {
    const d = reader.u32()
    const members = reader.u32()
    const kept = reader.f64()
    const mean = Float64Array.from({ length: d }, () => reader.f64())
    const factor = new Float64Array(d * d)
    for (let i = 0; i < d; i++) for (let j = 0; j <= i; j++) factor[i * d + j] = reader.f64()
    return new PopulationGaussian(members, mean, factor, kept)
  }

  /**
   * Squared Mahalanobis distance of `vector` to the population without `own`, the vector that it contributed (null: it contributed
   * none). The mean is exact; the covariance is corrected by a rank-one downdate that leaves the shrinkage target as it is.
   */
  distance(vector: Float32Array, own: Float32Array | null): number {
    const d = this.#dimensions
    const n = this.#members
    const x = this.#x
    const v = this.#v
    if (own === null) {
      for (let i = 0; i < d; i++) x[i] = vector[i] - this.#mean[i]
      this.#whiten(x)
      return dot(x, x)
    }
    for (let i = 0; i < d; i++) {
      v[i] = own[i] - this.#mean[i]
      x[i] = vector[i] - this.#mean[i] + v[i] / (n - 1)
    }
    this.#whiten(x)
    this.#whiten(v)
    const weight = (this.#kept * n) / ((n - 1) * (n - 1))
    const cross = dot(x, v)
    return dot(x, x) + (weight * cross * cross) / Math.max(1e-3, 1 - weight * dot(v, v))
  }

  /** Solves L y = x in place. */
  #whiten(x: Float64Array): void {
    const d = this.#dimensions
    const factor = this.#factor
    for (let i = 0, row = 0; i < d; i++, row += d) {
      let sum = x[i]
      for (let k = 0; k < i; k++) sum -= factor[row + k] * x[k]
      x[i] = sum / factor[row + i]
    }
  }
}

function cholesky(matrix: Float64Array, d: number): Float64Array {
  const factor = new Float64Array(d * d)
  for (let i = 0; i < d; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * d + j]
      for (let k = 0; k < j; k++) sum -= factor[i * d + k] * factor[j * d + k]
      factor[i * d + j] = i === j ? Math.sqrt(Math.max(sum, 1e-15)) : sum / factor[j * d + j]
    }
  }
  return factor
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}
