import type { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import { lowerBound, ScoreTail } from './tail.ts'

/** Fewer other subjects give no ranks to compare with. */
const smallestPopulation = 30
/** A daily rhythm must have been seen once. */
const warmUpMicros = 86_400e6
/** A subject's highest score counts for two weeks. */
const retentionMicros = 14 * 86_400e6
/** Bound on memory; the subject that was silent longest makes room. */
const largestPopulation = 5000

interface Member {
  score: number
  /** Time of the highest score. */
  at: number
}

/**
 * The highest scores of the subjects of one population under one detector: the null of the next one. One score a subject, because the
 * unit of the null is the subject. A subject is looked at again and again, but what it is compared with are the others' highest scores
 * over all of *their* looks, so that looking often does not make anybody significant.
 */
export class ScorePopulation {
  readonly since: number
  /** Scores come with p-values of their own (exact or permutation nulls): nothing must be learned before they count. */
  exact = false
  readonly #members = new Map<string, Member>()
  readonly #ascending = new Float64Array(largestPopulation)
  #count = 0

  constructor(since: number) {
    this.since = since
  }

  get size(): number {
    return this.#members.size
  }

  /** What is missing until scores get p-values; null when armed. */
  lacks(time: number): string | null {
    if (this.exact) return null
    if (this.size < smallestPopulation + 1) return `${smallestPopulation + 1 - this.size} more subjects`
    if (time - this.since < warmUpMicros) return `history until ${new Date((this.since + warmUpMicros) / 1000).toISOString()}`
    return null
  }

  learn(subject: string, score: number, time: number): void {
    const member = this.#members.get(subject)
    if (member !== undefined && member.score >= score && time - member.at < retentionMicros) return
    this.forget(subject)
    this.#expire(time)
    this.#members.set(subject, { score, at: time })
    this.#insert(score)
  }

  forget(subject: string): void {
    const member = this.#members.get(subject)
    if (member === undefined) return
    this.#members.delete(subject)
    this.#remove(member.score)
  }

  /** The tail of all others' scores, the given ones or those kept here; the caller sees to it that the population is armed. */
  tailWithout(subject: string, leastSpread: number, others?: Float64Array): ScoreTail {
    if (others !== undefined) return new ScoreTail(others, leastSpread)
    const own = this.#members.get(subject)
    if (own === undefined) return new ScoreTail(this.#ascending.slice(0, this.#count), leastSpread)
    this.#remove(own.score)
    const tail = new ScoreTail(this.#ascending.slice(0, this.#count), leastSpread)
    this.#insert(own.score)
    return tail
  }

  /** Quantile of all scores, 0 <= q <= 1; null as long as there are none. */
  quantile(q: number): number | null {
    if (this.#count === 0) return null
    return this.#ascending[Math.min(this.#count - 1, Math.max(0, Math.ceil(q * this.#count) - 1))]
  }

  encode(writer: ByteWriter): void {
    writer
      .f64(this.since)
      .u8(this.exact ? 1 : 0)
      .u32(this.#members.size)
    for (const [subject, { score, at }] of this.#members) writer.text(subject).f64(score).f64(at)
  }

  static decode(reader: ByteReader): ScorePopulation {
    const population = new ScorePopulation(reader.f64())
    population.exact = reader.u8() === 1
    for (let left = reader.u32(); left > 0; left--) {
      const subject = reader.text()
      const score = reader.f64()
      population.#members.set(subject, { score, at: reader.f64() })
      population.#ascending[population.#count++] = score
    }
    population.#ascending.subarray(0, population.#count).sort()
    return population
  }

  #expire(time: number): void {
    for (const [subject, member] of this.#members) {
      // Insertion order is the order of the highest scores' times, so the first that is young enough ends it.
      if (this.#members.size < largestPopulation && time - member.at < retentionMicros) break
      this.forget(subject)
    }
  }

  #insert(score: number): void {
    const at = lowerBound(this.#ascending, this.#count, score)
    this.#ascending.copyWithin(at + 1, at, this.#count)
    this.#ascending[at] = score
    this.#count++
  }

  #remove(score: number): void {
    const at = lowerBound(this.#ascending, this.#count, score)
    this.#ascending.copyWithin(at, at + 1, this.#count)
    this.#count--
  }
}
