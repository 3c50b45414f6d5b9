import type { ByteReader, ByteWriter } from './bytes.ts'

/** Pairs that an average reaches back over. */
const memory = 10_000
/** Pairs of a class before a trend is believed, and so many pairs' weight of there being none. */
const fewest = 20
const prior = 10

/** Numbers a class: count, both means, the variance of what is given and its covariance with what is expected. */
const numbers = 5

/**
 * What a number usually is given another one, a straight line a class: how far an activation lies from its class, given how unsure the model
 * is. 40 bytes a class.
 */
export class ClassTrends {
  readonly #trends: Float64Array

  constructor(classes: number) {
    this.#trends = new Float64Array(classes * numbers)
  }

  /** What `value` has beyond that which `given` explains; NaN as long as the class is hardly known. */
  residual(label: number, given: number, value: number): number {
    const [count, meanGiven, mean, variance, covariance] = this.#of(label)
    if (count < fewest) return Number.NaN
    return value - mean - (covariance / (variance + prior / count)) * (given - meanGiven)
  }

  learn(label: number, given: number, value: number): void {
    const trend = this.#of(label)
    const weight = 1 / Math.min(memory, ++trend[0])
    const delta = given - trend[1]
    const rest = (1 - weight) * (value - trend[2])
    trend[1] += weight * delta
    trend[2] += weight * (value - trend[2])
    trend[3] += weight * ((1 - weight) * delta * delta - trend[3])
    trend[4] += weight * (delta * rest - trend[4])
  }

  encode(writer: ByteWriter): void {
    writer.f64s(this.#trends)
  }

  static decode(reader: ByteReader, classes: number): ClassTrends {
    const trends = new ClassTrends(classes)
    trends.#trends.set(reader.f64s(classes * numbers))
    return trends
  }

  #of(label: number): Float64Array {
    return this.#trends.subarray(label * numbers, (label + 1) * numbers)
  }
}
