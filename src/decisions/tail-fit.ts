import { normalTail } from '../sketches/normal.ts'

/** Chance of a distance above `t` spreads, given that it is above zero. */
type Shape = (t: number) => number

/**
 * What the tail of benign scores may look like, with the share of belief that each has before any score was seen: normal (log-normal effects),
 * exponential (effects with a power law), and two for scores that are heavy-tailed themselves, one of them normal in its body
 * (Student's t with three degrees of freedom) and one not (generalised Pareto of shape 1/2).
 */
const shapes: readonly { readonly belief: number; readonly tail: Shape }[] = [
  { belief: 0.1, tail: (t) => 2 * normalTail(t) },
  { belief: 0.3, tail: (t) => Math.exp(-t) },
  { belief: 0.3, tail: halfStudent },
  { belief: 0.3, tail: (t) => (1 + t / 2) ** -2 },
]
/** The posterior of a spread is summed over so many of its standard deviations on a logarithmic scale. */
const below = 3
const above = 4
const step = 0.9
/** Nodes with less of the posterior than this are left out. */
const negligible = 1e-9
/** One-sided evidence speaks for a light tail only; at its full weight tails of a hundred exponential scores came out too light by a factor 2.5. */
const boundWeight = 0.5
/** Bounds on a step towards the mode, and on the standard deviation, of the logarithm of a spread. */
const farthest = 1
const widest = 1.5

/** `beyond` subjects are farther than `distance` from the middle. */
export interface Rung {
  readonly distance: number
  readonly beyond: number
}

/**
 * Posterior predictive tail of a distance from the middle (Aitchison and Dunsmore 1975): what is not known of it, shape and spread, is
 * averaged over instead of being estimated, so that a small population gets the heavier tail that it cannot rule out, and a large one its own.
 *
 * The likelihood is that of the counts between rungs, so that ties are nothing special. Of the farthest subjects only one side is believed:
 * attackers who were not found yet may be among them and make the tail look heavier, but nobody can make it look lighter than it is. So
 * a rung there counts by the chance that at most so many lie beyond it. The prior of a spread is even on a logarithmic scale. How
 * often the result is right is measured, see `ScoreTail`.
 */
export class FittedTail {
  readonly #nodes: { readonly shape: Shape; readonly spread: number; weight: number }[] = []

  /** `count` subjects are beyond the middle. Rungs ascend; `believed`, at least one, may be taken as they are, `bounds` lie farther out. */
  constructor(believed: readonly Rung[], bounds: readonly Rung[], count: number) {
    const { distance, beyond } = believed.at(-1)!
    const part = Math.max(1, beyond) / count
    const logs: number[] = []
    for (const { belief, tail } of shapes) {
      const likelihood = (logSpread: number): number => logLikelihood(believed, bounds, count, tail, Math.exp(logSpread))
      const { mode, deviation } = peakOf(likelihood, Math.log(spreadAt(tail, distance, part)), 1 / Math.sqrt(count))
      for (let at = -below; at <= above; at += step) {
        const logSpread = mode + at * deviation
        this.#nodes.push({ shape: tail, spread: Math.exp(logSpread), weight: belief * deviation })
        logs.push(likelihood(logSpread))
      }
    }
    const most = Math.max(...logs)
    let total = 0
    this.#nodes.forEach((node, i) => {
      node.weight *= Math.exp(logs[i] - most)
      total += node.weight
    })
    for (const node of this.#nodes) node.weight /= total
    this.#nodes = this.#nodes.filter(({ weight }) => weight > negligible)
  }

  /** Chance of a distance above this one, given that it is above zero. */
  tail(distance: number): number {
    let sum = 0
    for (const { shape, spread, weight } of this.#nodes) sum += weight * shape(distance / spread)
    return sum
  }
}

function logLikelihood(believed: readonly Rung[], bounds: readonly Rung[], count: number, tail: Shape, spread: number): number {
  let sum = 0
  let before = 1
  let left = count
  for (const { distance, beyond } of believed) {
    const after = tail(distance / spread)
    sum += (left - beyond) * Math.log(Math.max(Number.MIN_VALUE, before - after))
    before = after
    left = beyond
  }
  before = Math.max(Number.MIN_VALUE, before)
  sum += left * Math.log(before)
  for (const { distance, beyond } of bounds) {
    const after = Math.max(Number.MIN_VALUE, tail(distance / spread))
    sum += boundWeight * Math.log(Math.max(Number.MIN_VALUE, atMost(beyond, left, after / before)))
    before = after
    left = beyond
  }
  return sum
}

/** P(K <= k) of a binomial count of n with chance p. */
function atMost(k: number, n: number, p: number): number {
  if (k >= n) return 1
  if (p >= 1) return 0
  let term = Math.exp(n * Math.log1p(-p))
  let sum = term
  for (let i = 1; i <= k; i++) {
    term *= ((n - i + 1) / i) * (p / (1 - p))
    sum += term
  }
  return Math.min(1, sum)
}

/** Where a function that has one maximum is largest, and the standard deviation of the normal density that it is about the logarithm of. */
function peakOf(f: (x: number) => number, start: number, width: number): { readonly mode: number; readonly deviation: number } {
  let mode = start
  let bend = 0
  for (let round = 0; round < 3; round++) {
    const [left, middle, right] = [f(mode - width), f(mode), f(mode + width)]
    bend = 2 * middle - left - right
    const toPeak = bend > 0 ? (width * (right - left)) / (2 * bend) : Math.sign(right - left)
    mode += Math.max(-farthest, Math.min(farthest, toPeak))
  }
  return { mode, deviation: Math.min(widest, width / Math.sqrt(Math.max(bend, Number.MIN_VALUE))) }
}

/** The spread with which a shape has the share `p` beyond the distance. */
function spreadAt(shape: Shape, distance: number, p: number): number {
  let low = -5
  let high = 5
  for (let round = 0; round < 16; round++) {
    const middle = (low + high) / 2
    if (shape(Math.exp(middle)) > p) low = middle
    else high = middle
  }
  return distance / Math.exp(low)
}

/** P(|T| > t), Student's t with three degrees of freedom. */
function halfStudent(t: number): number {
  // Far out the closed form has no digits left.
  if (t > 1e4) return (4 * Math.sqrt(3)) / Math.PI / t ** 3
  return 1 - (2 / Math.PI) * (Math.atan(t / Math.sqrt(3)) + (Math.sqrt(3) * t) / (t * t + 3))
}
