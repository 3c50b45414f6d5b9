import type { ByteReader, ByteWriter } from './bytes.ts'
import { normalQuantile, studentTail } from './normal.ts'

/** Squared length per dimension that a vector counts for at most: one outlier is no direction. */
const longest = 2.25
/** A member is looked at when it has so many calls, and again at half as many more. */
const firstLook = 16
const nextLook = 1.5
/** The looks up to 122 calls, of which nobody knows which is best. */
const evenLooks = 6
/** Members with a first look that tell how members usually differ; fewer say nothing. */
const fewestMembers = 10
/** Weights of the tests: a quarter for the direction, a quarter for the first surprise, half for the others. */
const directionShare = 0.25
const firstShare = 0.25

/** Smaller p-values are no more believed than this. */
const leastP = 1e-200

/** Upper quantiles through which the spread is measured; the most extreme root of n members are not believed. */
const ladder = [0.16, 0.08, 0.04, 0.02].map((beyond) => ({ beyond, z: normalQuantile(beyond) }))
/** Mean -ln p that a member may have by nature: three deviations among the members above one, and while nothing is known of them. */
const deviations = 3
const unknownSurprise = 1.5

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
  /** What says most: -1 the direction, else which of the p-values. */
  readonly test: number
}

/**
 * Whether a member of a cohort differs from the others by more than members differ by nature. Each call gives a vector (centred, of about
 * unit variance) and some p-values; a member's vectors should cancel out, and its -ln p should be about one.
 *
 * For the direction, n |mean|^2 / d relative to the mean square of all vectors, and for each p-value the mean of -ln p, become normal
 * scores (Wilson and Hilferty 1931). Calls of one member are not independent, people have habits: members differ by a variance of their
 * own, which is measured and grows against chance with the number of calls; and the scores are compared with those of the other members, centre and spread (the widest that an upper quantile gives; an empirical null, Efron 2004) never below the theoretical ones, Student's with the
 * members as degrees of freedom, an eighth of them where they differ by nature. Cauchy's rule (Liu and Xie 2020) makes one p-value of all tests: several that are a little
 * strange count together, and none is paid for that says nothing. Each of the first six looks at a member has an eighth of the level, the later ones share the rest.
 */
export class Cohort {
  readonly #dimensions: number
  readonly #tests: number
  #vectors = 0
  #square = 1
  #members = 0
  /** By test, the variance between members in units of that of one call. */
  readonly #between: Float64Array
  readonly #centres: Float64Array
  readonly #spreads: Float64Array

  constructor(dimensions: number, pValues: number) {
    this.#dimensions = dimensions
    this.#tests = pValues
    this.#between = new Float64Array(pValues + 1)
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
    const trimmed = Math.sqrt(ready.length)
    for (let test = -1; test < this.#tests; test++) {
      const excess = ready.map((member) => (this.#raw(member, test) - 1) / member.count).sort((a, b) => a - b)
      const kept = excess.slice(0, Math.ceil(ready.length - trimmed))
      this.#between[test + 1] = Math.max(0, kept.reduce((sum, value) => sum + value, 0) / kept.length)
      const scores = ready.map((member) => this.#score(member, test)).sort((a, b) => a - b)
      const centre = Math.max(0, scores[scores.length >> 1])
      let spread = 1
      for (const { beyond, z } of ladder) {
        if (beyond * scores.length < trimmed) break
        spread = Math.max(spread, (scores[scores.length - 1 - Math.floor(beyond * scores.length)] - centre) / z)
      }
      this.#centres[test + 1] = centre
      this.#spreads[test + 1] = spread
    }
  }

  /** Mean of the first -ln p that a member may have by nature. */
  get natural(): number {
    return this.#members < fewestMembers ? unknownSurprise : 1 + deviations * Math.sqrt(this.#between[1])
  }

  /** The member's smallest p-value, if it is time to look at it; null between looks and while too few members are known. */
  look(member: CohortMember): CohortLook | null {
    if (member.count < member.nextLook || this.#members < fewestMembers) return null
    member.nextLook = Math.ceil(member.count * nextLook)
    const look = ++member.looks
    let sum = 0
    let least = Number.POSITIVE_INFINITY
    let strongest = -1
    for (let test = -1; test < this.#tests; test++) {
      const share = test < 0 ? directionShare : test === 0 ? firstShare : (1 - directionShare - firstShare) / (this.#tests - 1)
      const z = (this.#score(member, test) - this.#centres[test + 1]) / this.#spreads[test + 1]
      // Where members do differ by nature, nobody knows by what law: a heavier tail.
      const natural = this.#between[test + 1] * member.count
      const freedom = Math.max(5, natural < 0.25 ? this.#members : this.#members / 8)
      const pValue = Math.max(leastP, studentTail(z, freedom))
      // Zero or less from 1/2 on, where a test says nothing for it.
      if (pValue < 0.5) sum += share / Math.tan(pValue * Math.PI)
      if (pValue / share >= least) continue
      least = pValue / share
      strongest = test
    }
    const fused = sum > 0 ? Math.atan2(1, sum) / Math.PI : 1
    return { pValue: Math.min(1, fused / lookShare(look)), test: strongest }
  }

  encode(writer: ByteWriter): void {
    writer
      .f64(this.#vectors)
      .f64(this.#square)
      .f64(this.#members)

      .f64s(this.#between)
      .f64s(this.#centres)
      .f64s(this.#spreads)
  }

  static decode(reader: ByteReader, dimensions: number, pValues: number): Cohort {
    const cohort = new Cohort(dimensions, pValues)
    cohort.#vectors = reader.f64()
    cohort.#square = reader.f64()
    cohort.#members = reader.f64()
    cohort.#between.set(reader.f64s(pValues + 1))
    cohort.#centres.set(reader.f64s(pValues + 1))
    cohort.#spreads.set(reader.f64s(pValues + 1))
    return cohort
  }

  /** Normal score of a member, by what members with so many calls differ. */
  #score(member: CohortMember, test: number): number {
    const usual = 1 + this.#between[test + 1] * member.count
    if (test < 0) return cubeRootScore(this.#direction(member) / usual, this.#dimensions)
    return this.#surprise(member, test) / Math.sqrt(usual)
  }

  /** What has mean 1 for a member like all others, and grows with the number of calls where members differ by nature. */
  #raw(member: CohortMember, test: number): number {
    return test < 0 ? this.#direction(member) : this.#surprise(member, test) ** 2
  }

  #surprise(member: CohortMember, test: number): number {
    const n = member.surprises[test]
    return n < firstLook ? 0 : cubeRootScore(member.surprise[test] / n, 2 * n)
  }

  #direction({ direction, count }: CohortMember): number {
    let squared = 0
    for (let i = 0; i < this.#dimensions; i++) squared += direction[i] * direction[i]
    return squared / count / this.#dimensions / Math.max(1e-9, this.#square)
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

/** Part of the level that a member's `look`-th look (from 1) has; all parts sum to one. */
function lookShare(look: number): number {
  const later = look - evenLooks
  return later <= 0 ? 0.75 / evenLooks : 0.25 / (later * (later + 1))
}

/** Normal score of a chi-square variable divided by its degrees of freedom. */
function cubeRootScore(ratio: number, freedom: number): number {
  const variance = 2 / (9 * freedom)
  return (Math.cbrt(ratio) - (1 - variance)) / Math.sqrt(variance)
}
