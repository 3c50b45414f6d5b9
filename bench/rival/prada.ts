import { normalQuantile } from '../../src/sketches/normal.ts'

interface Class {
  readonly grown: Float32Array[]
  readonly grownDistances: number[]
  readonly distances: number[]
  threshold: number
}

/**
 * PRADA (Juuti, Szyller, Marchal, Asokan 2019), written from the paper: for one account, the smallest distance of each query to the growing set of its
 * predicted class; after the outliers beyond three deviations are left out, an account whose more than a hundred distances are no longer normal
 * (W < delta) is an attacker. W is Shapiro and Francia's (1972), which for such counts differs little from Shapiro and Wilk's. Unbounded memory,
 * as in the paper.
 */
export class Prada {
  readonly #classes = new Map<string, Class>()
  #queries = 0

  /** Takes a query in; gives W at every tenth query with enough distances, else null. */
  add(vector: Float32Array, label: string): number | null {
    let own = this.#classes.get(label)
    if (own === undefined) {
      own = { grown: [], grownDistances: [0], distances: [], threshold: 0 }
      this.#classes.set(label, own)
    }
    if (own.grown.length === 0) {
      own.grown.push(vector)
    } else {
      let least = Number.POSITIVE_INFINITY
      for (const other of own.grown) least = Math.min(least, distance(vector, other))
      own.distances.push(least)
      if (least > own.threshold) {
        own.grown.push(vector)
        own.grownDistances.push(least)
        const { mean, deviation } = moments(own.grownDistances)
        own.threshold = Math.max(own.threshold, mean - deviation)
      }
    }
    if (++this.#queries % 10 !== 0) return null
    const all = [...this.#classes.values()].flatMap(({ distances }) => (distances.length >= 10 ? distances : []))
    const { mean, deviation } = moments(all)
    const kept = all.filter((value) => Math.abs(value - mean) < 3 * deviation)
    return kept.length > 100 ? shapiroFrancia(kept) : null
  }
}

/** Squared correlation of the ordered values with the expected normal order statistics (Blom's approximation), 0..1. */
export function shapiroFrancia(values: readonly number[]): number {
  const ordered = [...values].sort((a, b) => a - b)
  const count = ordered.length
  const mean = ordered.reduce((sum, value) => sum + value, 0) / count
  let cross = 0
  let expected = 0
  let squares = 0
  for (const [at, value] of ordered.entries()) {
    const score = -normalQuantile((at + 1 - 0.375) / (count + 0.25))
    cross += score * value
    expected += score * score
    squares += (value - mean) ** 2
  }
  return squares > 0 ? (cross * cross) / (expected * squares) : 1
}

function moments(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length)
  return { mean, deviation: Math.sqrt(variance) }
}

function distance(a: Float32Array, b: Float32Array): number {
  let squared = 0
  for (let i = 0; i < a.length; i++) squared += (a[i]! - b[i]!) ** 2
  return Math.sqrt(squared)
}
