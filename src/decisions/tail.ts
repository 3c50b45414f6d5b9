import { normalQuantile, studentQuantile, studentTail } from '../sketches/normal.ts'

/** Upper quantiles through which the spread is measured: the share of the population beyond, and where a standard normal has it. */
const ladder = Array.from({ length: 12 }, (_, step) => 0.25 / 2 ** step).map((beyond) => ({ beyond, z: normalQuantile(beyond) }))

/**
 * p-value of a score against the scores of the other subjects, finer than their ranks can be.
 *
 * Within the ranks it is the conformal p-value (1 + number of others at least as high) / (n + 1). The sqrt(n) highest scores are not
 * believed: an attacker who was not found yet must not become the norm. Beyond what is left, the score is measured in spreads above
 * the median; the spread is the largest that any upper quantile (1/4, 1/8, ... up to where the trimmed begin) would give a normal
 * distribution, so that a tail heavier than normal widens it, the further the more is known of it. Scores are logarithms, thus this
 * is a log-normal tail of the effect. The p-value is Student's with n / 4 degrees of freedom, which pays for measuring the spread on
 * quantiles of a small population.
 */
export class ScoreTail {
  /** Ascending. */
  readonly #scores: ArrayLike<number>
  readonly #count: number
  /** Highest score that the ranks may judge. */
  readonly #resolved: number
  readonly #resolvedP: number
  readonly #median: number
  readonly #spread: number

  /** The first `count` elements of `ascending` are the others' scores, at least one. The spread is not taken below `leastSpread`. */
  constructor(ascending: ArrayLike<number>, leastSpread: number, count = ascending.length) {
    this.#scores = ascending
    this.#count = count
    const trimmed = Math.ceil(Math.sqrt(count))
    this.#resolved = ascending[Math.max(0, count - 1 - trimmed)]
    this.#resolvedP = this.#rank(this.#resolved)
    this.#median = ascending[count >> 1]
    let spread = leastSpread
    for (const { beyond, z } of ladder) {
      if (beyond * count < trimmed) break
      const score = ascending[Math.max(0, count - 1 - Math.floor(beyond * count))]
      spread = Math.max(spread, (score - this.#median) / z)
    }
    this.#spread = spread
  }

  pValue(score: number): number {
    if (score <= this.#resolved) return this.#rank(score)
    return Math.min(this.#resolvedP, studentTail((score - this.#median) / this.#spread, this.#count / 4))
  }

  /** The lowest score beyond the ranks whose p-value is at most `p`. */
  scoreAt(p: number): number {
    return Math.max(this.#resolved, this.#median + this.#spread * studentQuantile(p, this.#count / 4))
  }

  #rank(score: number): number {
    return (1 + this.#count - lowerBound(this.#scores, this.#count, score)) / (this.#count + 1)
  }
}

/** Index of the first of the first `count` elements that is at least `value`. */
export function lowerBound(ascending: ArrayLike<number>, count: number, value: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ascending[middle] < value) low = middle + 1
    else high = middle
  }
  return low
}
