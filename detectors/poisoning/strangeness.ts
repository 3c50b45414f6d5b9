import { skewedTail } from '../../src/sketches/count-tails.ts'
import type { SampleBlock } from './sample-block.ts'

/** What is kept of a delivery in a block. */
export interface Past {
  readonly samples: number
  /** Means of the two scores, less those of all samples. */
  readonly means: readonly number[]
}

interface Moments {
  readonly mean: number
  readonly deviation: number
  readonly skewness: number
}

/**
 * How strange each sample is among the other samples of its label and cohort, in two ways: by its loss alone, and by its loss and how
 * short its activation is; each part is -ln(1 - rank), standard exponential under the null.
 */
export class Strangeness {
  /** Two scores of each sample. */
  readonly scores: readonly [Float64Array, Float64Array]
  readonly moments: readonly Moments[]
  /** Decile (0 to 9) of the loss; -1 without one. */
  readonly lossDecile: Int8Array
  readonly #block: SampleBlock

  constructor(block: SampleBlock) {
    this.#block = block
    this.lossDecile = new Int8Array(block.size).fill(-1)
    const loss = new Float64Array(block.size)
    const both = new Float64Array(block.size)
    this.scores = [loss, both]
    const strata = new Map<number, number[]>()
    for (let at = 0; at < block.size; at++) {
      const key = block.label[at] * 65536 + (block.deliveries[block.delivery[at]].cohort % 65536)
      const stratum = strata.get(key)
      if (stratum === undefined) strata.set(key, [at])
      else stratum.push(at)
    }
    const d = block.dimensions
    const vectors = block.vectors()
    const lengths = Float64Array.from({ length: block.size }, (_, at) => -squared(vectors.subarray(at * d, (at + 1) * d)))
    for (const members of strata.values()) {
      rankAmong(members, block.loss, (at, rank) => {
        loss[at] = -Math.log(1 - rank)
        this.lossDecile[at] = Math.min(9, Math.floor(10 * rank))
      })
      if (d > 0) rankAmong(members, lengths, (at, rank) => (both[at] = -Math.log(1 - rank)))
    }
    for (let at = 0; at < block.size; at++) both[at] += loss[at]
    this.moments = this.scores.map(momentsOf)
  }

  byDelivery(): Map<number, Past> {
    const sums = new Map<number, { samples: number; sums: number[] }>()
    for (let at = 0; at < this.#block.size; at++) {
      let sum = sums.get(this.#block.delivery[at])
      if (sum === undefined) {
        sum = { samples: 0, sums: [0, 0] }
        sums.set(this.#block.delivery[at], sum)
      }
      sum.samples++
      for (const [way, scores] of this.scores.entries()) sum.sums[way] += scores[at] - this.moments[way].mean
    }
    return new Map([...sums].map(([number, { samples, sums: both }]) => [number, { samples, means: both.map((sum) => sum / samples) }]))
  }

  /**
   * Standardised change of a mean against a past one, and its p-value. The past is shrunk towards zero by how significant it is: an
   * ordinary source is compared with the others, one with a habit with itself.
   */
  change(now: Past, past: Past, way: number): { z: number; pValue: number } {
    const { deviation, skewness } = this.moments[way]
    if (!(deviation > 0)) return { z: 0, pValue: 1 }
    const habit = past.means[way] / deviation
    const kept = Math.max(0, 1 - 1 / (habit * habit * past.samples))
    const z = (now.means[way] / deviation - kept * habit) / Math.sqrt(1 / now.samples + kept / past.samples)
    return { z, pValue: skewedTail(z, skewness / Math.sqrt(now.samples)) }
  }
}

/** Calls `set` with the rank in (0, 1) of each member that has a value; ties share their middle. */
function rankAmong(members: readonly number[], values: ArrayLike<number>, set: (at: number, rank: number) => void): void {
  const order = members.filter((at) => !Number.isNaN(values[at])).sort((a, b) => values[a] - values[b])
  for (let from = 0; from < order.length; ) {
    let to = from + 1
    while (to < order.length && values[order[to]] === values[order[from]]) to++
    for (let k = from; k < to; k++) set(order[k], (from + to) / 2 / order.length)
    from = to
  }
}

function momentsOf(values: Float64Array): Moments {
  const n = Math.max(1, values.length)
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  let second = 0
  let third = 0
  for (const value of values) {
    second += (value - mean) ** 2 / n
    third += (value - mean) ** 3 / n
  }
  const deviation = Math.sqrt(second)
  return { mean, deviation, skewness: deviation > 0 ? third / deviation ** 3 : 0 }
}

function squared(vector: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < vector.length; i++) sum += vector[i] * vector[i]
  return sum
}
