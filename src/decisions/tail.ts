import { normalTail } from '../sketches/normal.ts'
import { FittedTail, type Rung } from './tail-fit.ts'

/** Rungs between the middle and the highest scores. */
const mostRungs = 10
/** Fewer subjects between the middle and the trimmed ones, or fewer different scores of them, tell nothing of a tail. */
const fewestBelieved = 3

/**
 * p-value of a score against the scores of the other subjects, finer than their ranks can be.
 *
 * Within the ranks it is the conformal p-value (1 + number of others at least as high) / (n + 1). The highest scores, sqrt(n) of them and at most
 * a tenth, are trimmed: an attacker who was not found yet must not become the norm. Beyond, it is the posterior predictive tail of the
 * upper half (`FittedTail`), averaged over the shapes and spreads that the scores do not rule out; and never less than a normal tail
 * with the least spread that the detector's benign scores are taken to have.
 *
 * Measured on 30 to 3,000 subjects (exact rates, mean over populations, over their nominal value): scores that are logarithms of what is
 * exponential, log-normal, Pareto, gamma, bounded or Student's t come at most 2 times as often at 1e-3 and 3 times at 1e-4. Where the
 * scores themselves are log-normal, Pareto or Student's t with three degrees of freedom, at most 5 and 9 times.
 */
export class ScoreTail {
  /** Ascending. */
  readonly #scores: ArrayLike<number>
  readonly #count: number
  readonly #leastSpread: number
  readonly #trimmed: number
  /** Highest score that the ranks may judge. */
  readonly #resolved: number
  readonly #resolvedP: number
  readonly #middle: number
  /** p-value of the middle, and how it goes on from there; made when it is asked for. */
  #upper: { readonly p: number; readonly fitted: FittedTail } | null | undefined

  /** The first `count` elements of `ascending` are the others' scores, at least one. */
  constructor(ascending: ArrayLike<number>, leastSpread: number, count = ascending.length) {
    this.#scores = ascending
    this.#count = count
    this.#leastSpread = leastSpread
    this.#trimmed = Math.ceil(Math.min(Math.sqrt(count), count / 10))
    this.#resolved = ascending[Math.max(0, count - 1 - this.#trimmed)]
    this.#resolvedP = this.#rank(this.#resolved)
    this.#middle = ascending[count >> 1]
  }

  pValue(score: number): number {
    if (score <= this.#resolved) return this.#rank(score)
    return Math.max(Number.MIN_VALUE, Math.min(this.#resolvedP, this.#beyond(score - this.#middle)))
  }

  /**
   * The lowest score beyond the ranks whose p-value is at most `p`. Null where no p-value beyond the ranks was asked for: most subjects are
   * ordinary, and fitting a tail takes a hundred times as long as a rank.
   */
  scoreAt(p: number): number | null {
    if (this.#upper === undefined) return null
    let low = Math.max(0, this.#resolved - this.#middle)
    if (this.#beyond(low) <= p) return this.#resolved
    let high = low + this.#leastSpread
    while (this.#beyond(high) > p) {
      low = high
      high *= 2
    }
    while (high - low > 1e-6 * high) {
      const between = (low + high) / 2
      if (this.#beyond(between) > p) low = between
      else high = between
    }
    return this.#middle + high
  }

  /** Chance of a score that is so far above the middle. */
  #beyond(distance: number): number {
    const least = normalTail(distance / this.#leastSpread)
    if (this.#upper === undefined) this.#upper = this.#fit()
    if (this.#upper === null) return least
    return Math.max(least, this.#upper.p * this.#upper.fitted.tail(distance))
  }

  #fit(): { readonly p: number; readonly fitted: FittedTail } | null {
    const above = this.#above(this.#middle)
    const believed = this.#rungs(spaced(above, this.#trimmed), 0)
    if (above - this.#trimmed < fewestBelieved || believed.length < fewestBelieved) return null
    const bounds = this.#rungs(halved(this.#trimmed), believed.at(-1)!.distance)
    return { p: (1 + above) / (this.#count + 1), fitted: new FittedTail(believed, bounds, above) }
  }

  /** Rungs at the scores that so many others are above, those farther out than `from`. */
  #rungs(ranks: Iterable<number>, from: number): Rung[] {
    const rungs: Rung[] = []
    let last = from
    for (const rank of ranks) {
      const score = this.#scores[this.#count - 1 - rank]
      const distance = score - this.#middle
      if (distance <= last) continue
      last = distance
      rungs.push({ distance, beyond: this.#above(score) })
    }
    return rungs
  }

  #above(score: number): number {
    return this.#count - bound(this.#count, (i) => this.#scores[i] > score)
  }

  #rank(score: number): number {
    return (1 + this.#count - lowerBound(this.#scores, this.#count, score)) / (this.#count + 1)
  }
}

/** Ranks that fall from one to another, all of them, or some in one ratio where they are many. */
function* spaced(from: number, to: number): Iterable<number> {
  const all = from - to <= mostRungs
  const rungs = Math.min(mostRungs, from - to)
  for (let rung = 1; rung <= rungs; rung++) yield all ? from - rung : Math.round(from * (to / from) ** (rung / rungs))
}

function* halved(from: number): Iterable<number> {
  for (let rank = from >> 1; rank > 0; rank >>= 1) yield rank
  yield 0
}

/** Index of the first of the first `count` elements that is at least `value`. */
export function lowerBound(ascending: ArrayLike<number>, count: number, value: number): number {
  return bound(count, (i) => ascending[i] >= value)
}

/** The first of `count` indices from which on it is so. */
function bound(count: number, isSo: (i: number) => boolean): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isSo(middle)) high = middle
    else low = middle + 1
  }
  return low
}
