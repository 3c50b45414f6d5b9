import type { ByteReader, ByteWriter } from './bytes.ts'
import { normalTail } from './normal.ts'

/** Squared length per dimension that a vector counts for at most: one outlier is no direction. */
const longest = 2.25
/** A member is looked at when it has so many vectors, and again at half as many more. */
export const firstLook = 16
const nextLook = 1.5
/** Members that tell how members usually differ; fewer say nothing. */
const fewestMembers = 10

/** Sum of a member's vectors. */
export interface DriftSum {
  count: number
  looks: number
  nextLook: number
  readonly sum: Float32Array
}

export function emptyDriftSum(dimensions: number): DriftSum {
  return { count: 0, looks: 0, nextLook: firstLook, sum: new Float32Array(dimensions) }
}

/**
 * Whether one member's vectors point one way together, where the vectors of a population are centred and of about unit variance.
 *
 * With t = n |mean|^2 / d, whose expectation is the vectors' mean square v for a member like all others, members are allowed to differ by
 * nature: t is compared with v + tau n, tau being the median of (t - v) / n over the members, and its chi-square (Wilson and Hilferty
 * 1931) normal score with the spread of those of the members (an empirical null, Efron 2004), never less than the theoretical one.
 */
export class MeanDrift {
  readonly #dimensions: number
  #vectors = 0
  #square = 1
  #between = 0
  #spread = Number.NaN

  constructor(dimensions: number) {
    this.#dimensions = dimensions
  }

  /** Adds a vector to its member. */
  add(member: DriftSum, vector: Float64Array): void {
    const d = this.#dimensions
    let squared = 0
    for (let i = 0; i < d; i++) squared += vector[i] * vector[i]
    const share = Math.min(1, Math.sqrt((longest * d) / Math.max(squared, 1e-12)))
    for (let i = 0; i < d; i++) member.sum[i] += share * vector[i]
    member.count++
    const weight = 1 / Math.min(10_000, ++this.#vectors)
    this.#square += weight * ((squared * share * share) / d - this.#square)
  }

  /** Measures how the members differ among themselves. */
  refresh(members: Iterable<DriftSum>): void {
    const ready = [...members].filter((member) => member.count >= firstLook)
    this.#spread = Number.NaN
    if (ready.length < fewestMembers) return
    const differences = ready.map((member) => (this.#squaredMean(member) - this.#square) / member.count).sort((a, b) => a - b)
    this.#between = Math.max(0, differences[differences.length >> 1])
    const scores = ready.map((member) => this.#normalScore(member)).sort((a, b) => a - b)
    const median = scores[scores.length >> 1]
    // The upper half up to the 84th percentile, where a standard normal has 1; attackers are taken to be fewer than a sixth.
    this.#spread = Math.max(1, scores[Math.floor(0.84 * (scores.length - 1))] - Math.min(0, median))
  }

  /**
   * p-value of a member if it is time to look at it, valid over all looks together (the j-th look gets 1 / (j (j+1)) of the level);
   * null between looks and while too few members are known.
   */
  look(member: DriftSum): number | null {
    if (member.count < member.nextLook || Number.isNaN(this.#spread)) return null
    member.nextLook = Math.ceil(member.count * nextLook)
    const look = ++member.looks
    return Math.min(1, look * (look + 1) * normalTail(this.#normalScore(member) / this.#spread))
  }

  encode(writer: ByteWriter): void {
    writer.f64(this.#vectors).f64(this.#square).f64(this.#between).f64(this.#spread)
  }

  static decode(reader: ByteReader, dimensions: number): MeanDrift {
    const drift = new MeanDrift(dimensions)
    drift.#vectors = reader.f64()
    drift.#square = reader.f64()
    drift.#between = reader.f64()
    drift.#spread = reader.f64()
    return drift
  }

  #squaredMean({ count, sum }: DriftSum): number {
    let squared = 0
    for (let i = 0; i < sum.length; i++) squared += sum[i] * sum[i]
    return squared / count / this.#dimensions
  }

  #normalScore(member: DriftSum): number {
    const ratio = this.#squaredMean(member) / Math.max(1e-9, this.#square + this.#between * member.count)
    const variance = 2 / (9 * this.#dimensions)
    return (Math.cbrt(ratio) - (1 - variance)) / Math.sqrt(variance)
  }
}
