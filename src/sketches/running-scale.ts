import type { ByteReader, ByteWriter } from './bytes.ts'

/** Vectors that an average reaches back over. */
const memory = 10_000
/** Where values are cut off, in units of their spread: one absurd number must not be all that a distance knows. */
const cut = 20

/** Mean and spread of each number of a stream of vectors, and vectors in units of them. 24 bytes a number. */
export class RunningScale {
  readonly #mean: Float64Array
  readonly #variance: Float64Array
  /** Inverse of the spread, as of the last `refresh`. */
  readonly #inverse: Float64Array
  #count = 0

  constructor(dimensions: number) {
    this.#mean = new Float64Array(dimensions)
    this.#variance = new Float64Array(dimensions)
    this.#inverse = new Float64Array(dimensions).fill(1)
  }

  learn(vector: Float64Array): void {
    const weight = 1 / Math.min(memory, ++this.#count)
    const mean = this.#mean
    const variance = this.#variance
    for (let i = 0; i < mean.length; i++) {
      const delta = vector[i] - mean[i]
      mean[i] += weight * delta
      variance[i] += weight * ((1 - weight) * delta * delta - variance[i])
    }
  }

  /**
   * Takes the spreads over. A number's spread counts as at least the median of all: what hardly moves usually (a dead unit, a rare
   * feature) would else weigh most, and its noise with it.
   */
  refresh(): void {
    const spreads = this.#variance.map(Math.sqrt)
    const moving = spreads.filter((spread) => spread > 0).sort()
    const median = moving.length > 0 ? moving[moving.length >> 1] : 1
    for (let i = 0; i < spreads.length; i++) this.#inverse[i] = 1 / Math.max(spreads[i], median)
  }

  /** Writes (vector - mean) / spread to `out`, cut at 20. */
  apply(vector: ArrayLike<number>, out: Float64Array, from = 0): void {
    const mean = this.#mean
    const inverse = this.#inverse
    for (let i = 0; i < mean.length; i++) {
      const z = (vector[from + i] - mean[i]) * inverse[i]
      out[i] = Math.min(cut, Math.max(-cut, z))
    }
  }

  encode(writer: ByteWriter): void {
    writer.f64(this.#count).f64s(this.#mean).f64s(this.#variance).f64s(this.#inverse)
  }

  static decode(reader: ByteReader, dimensions: number): RunningScale {
    const scale = new RunningScale(dimensions)
    scale.#count = reader.f64()
    for (const part of [scale.#mean, scale.#variance, scale.#inverse]) part.set(reader.f64s(dimensions))
    return scale
  }
}
