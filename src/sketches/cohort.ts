import type { ByteReader, ByteWriter } from './bytes.ts'
import { studentTail } from './normal.ts'

/** Squared length per dimension that a vector counts for at most: one outlier is no direction. */
const longest = 2.25
/** A member is looked at when it has so many calls, and again at half as many more. */
const firstLook = 16
const nextLook = 1.5
/** Members with a first look that tell how members usually differ; fewer say nothing. */
const fewestMembers = 10
/** How the level is shared: a quarter for the direction, a quarter for the first surprise, half for the others. */
const directionShare = 0.25
const firstShare = 0.25

/** What is summed of one member. */
export interface CohortMember {
  count: number
  looks: number
  nextLook: number
  /** Of its vectors. */
  readonly direction: Float32Array
  /** Of its -ln p, and of how many there were, by p-value. */
  readonly surprise: Float64Array
  readonly surprises: Float64Array
}

export interface CohortLook {
  /** Valid over all tests and all looks together. */
  readonly pValue: number
  /** -1: the direction; else which of the p-values. */
  readonly test: number
}

/**
 * Whether a member of a cohort differs from the others by more than members differ by nature. Each call gives a vector (centred, of about
 * unit variance) and some p-values; a member's vectors should cancel out, and its -ln p should be about one.
 *
 * For the direction, n |mean|^2 / d relative to the mean square of all vectors, and for each p-value the mean of -ln p, become normal
 * scores (Wilson and Hilferty 1931). Calls of one member are not independent, people have habits: the scores are compared with those of
 * the other members, centre and spread (an empirical null, Efron 2004) never below the theoretical ones, Student's with half
 * the members as degrees of freedom. The j-th look at a member has 1 / (j (j+1)) of the level.
 */
export class Cohort {
  readonly #dimensions: number
  readonly #tests: number
  #vectors = 0
  #square = 1
  #members = 0
  readonly #centres: Float64Array
  readonly #spreads: Float64Array

  constructor(dimensions: number, pValues: number) {
    this.#dimensions = dimensions
    this.#tests = pValues
    this.#centres = new Float64Array(pValues + 1)
    this.#spreads = new Float64Array(pValues + 1).fill(1)
  }

  newMember(): CohortMember {
    return {
      count: 0,
      looks: 0,
      nextLook: firstLook,
      direction: new Float32Array(this.#dimensions),
      surprise: new Float64Array(this.#tests),
      surprises: new Float64Array(this.#tests),
    }
  }

  /** Adds a call to its member; p-values that are NaN say nothing. */
  add(member: CohortMember, vector: Float64Array, pValues: Float64Array): void {
    const d = this.#dimensions
    let squared = 0
    for (let i = 0; i < d; i++) squared += vector[i] * vector[i]
    const share = Math.min(1, Math.sqrt((longest * d) / Math.max(squared, 1e-12)))
    for (let i = 0; i < d; i++) member.direction[i] += share * vector[i]
    for (let i = 0; i < this.#tests; i++) {
      if (Number.isNaN(pValues[i])) continue
      member.surprise[i] -= Math.log(pValues[i])
      member.surprises[i]++
    }
    member.count++
    const weight = 1 / Math.min(10_000, ++this.#vectors)
    this.#square += weight * ((squared * share * share) / d - this.#square)
  }

  /** Measures how the members differ among themselves. */
  refresh(members: Iterable<CohortMember>): void {
    const ready = [...members].filter((member) => member.count >= firstLook)
    this.#members = ready.length
    if (ready.length < fewestMembers) return
    for (let test = -1; test < this.#tests; test++) {
      const scores = ready.map((member) => this.#score(member, test)).sort((a, b) => a - b)
      const centre = Math.max(0, scores[scores.length >> 1])
      this.#centres[test + 1] = centre
      // Up to the 84th percentile, where a standard normal has 1; attackers are taken to be fewer than a sixth.
      this.#spreads[test + 1] = Math.max(1, scores[Math.floor(0.84 * (scores.length - 1))] - centre)
    }
  }

  /** The member's smallest p-value, if it is time to look at it; null between looks and while too few members are known. */
  look(member: CohortMember): CohortLook | null {
    if (member.count < member.nextLook || this.#members < fewestMembers) return null
    member.nextLook = Math.ceil(member.count * nextLook)
    const look = ++member.looks
    const freedom = Math.max(5, this.#members / 2)
    let best: CohortLook = { pValue: 1, test: -1 }
    for (let test = -1; test < this.#tests; test++) {
      const share = test < 0 ? directionShare : test === 0 ? firstShare : (1 - directionShare - firstShare) / (this.#tests - 1)
      const z = (this.#score(member, test) - this.#centres[test + 1]) / this.#spreads[test + 1]
      const pValue = (look * (look + 1) * studentTail(z, freedom)) / share
      if (pValue < best.pValue) best = { pValue, test }
    }
    return best
  }

  encode(writer: ByteWriter): void {
    writer.f64(this.#vectors).f64(this.#square).f64(this.#members).f64s(this.#centres).f64s(this.#spreads)
  }

  static decode(reader: ByteReader, dimensions: number, pValues: number): Cohort {
    const cohort = new Cohort(dimensions, pValues)
    cohort.#vectors = reader.f64()
    cohort.#square = reader.f64()
    cohort.#members = reader.f64()
    cohort.#centres.set(reader.f64s(pValues + 1))
    cohort.#spreads.set(reader.f64s(pValues + 1))
    return cohort
  }

  /** Standard normal for a member like all others. */
  #score(member: CohortMember, test: number): number {
    if (test >= 0) {
      const n = member.surprises[test]
      return n < firstLook ? 0 : cubeRootScore(member.surprise[test] / n, 2 * n)
    }
    let squared = 0
    for (let i = 0; i < this.#dimensions; i++) squared += member.direction[i] * member.direction[i]
    return cubeRootScore(squared / member.count / this.#dimensions / Math.max(1e-9, this.#square), this.#dimensions)
  }
}

export function encodeMember(member: CohortMember, writer: ByteWriter): void {
  writer.f64(member.count).f64(member.looks).f64(member.nextLook)
  writer.f32s(member.direction).f64s(member.surprise).f64s(member.surprises)
}

export function decodeMember(reader: ByteReader, dimensions: number, pValues: number): CohortMember {
  return {
    count: reader.f64(),
    looks: reader.f64(),
    nextLook: reader.f64(),
    direction: reader.f32s(dimensions),
    surprise: reader.f64s(pValues),
    surprises: reader.f64s(pValues),
  }
}

/** Normal score of a chi-square variable divided by its degrees of freedom. */
function cubeRootScore(ratio: number, freedom: number): number {
  const variance = 2 / (9 * freedom)
  return (Math.cbrt(ratio) - (1 - variance)) / Math.sqrt(variance)
}
