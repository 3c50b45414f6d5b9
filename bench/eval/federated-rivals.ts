import type { TrainingUpdateEvent } from '../../src/telemetry/events.ts'

/** The updates of one round. */
export type Round = readonly TrainingUpdateEvent[]

/**
 * FoolsGold (Fung, Yoon, Beschastnikh 2020): cosines of the sums of all updates of each client, pardoning, and the logit weight; clients
 * with a weight below 0.1 are flagged. Keeps its history from call to call.
 */
function foolsGold(): (round: Round) => Set<string> {
  const history = new Map<string, Float64Array>()
  return (round) => {
    for (const { client, sketch } of round) {
      const sum = history.get(client) ?? new Float64Array(sketch!.length)
      for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + sketch![i]!
      history.set(client, sum)
    }
    const clients = round.map(({ client }) => client)
    const similar = clients.map((a) => clients.map((b) => (a === b ? Number.NEGATIVE_INFINITY : cosine(history.get(a)!, history.get(b)!))))
    const most = similar.map((row) => Math.max(...row))
    const weights = similar.map((row, i) => {
      const pardoned = row.map((value, j) => (most[j]! > most[i]! && most[j]! > 0 ? (value * most[i]!) / most[j]! : value))
      return Math.min(1, Math.max(0, 1 - Math.max(...pardoned)))
    })
    const largest = Math.max(...weights, 1e-9)
    const flagged = clients.filter((_, i) => {
      const weight = Math.min(0.99, weights[i]! / largest)
      return Math.log(weight / (1 - weight)) + 0.5 < 0.1
    })
    return new Set(flagged)
  }
}

/**
 * Multi-Krum (Blanchard et al. 2017): sum of the squared distances to the n - f - 2 nearest updates; the f clients with the largest sums
 * are left out of the round. It is told f.
 */
function krum(f: number): (round: Round) => Set<string> {
  return (round) => {
    const scores = round.map((one) => {
      const distances = round.filter((other) => other !== one).map((other) => squaredDistance(one.sketch!, other.sketch!))
      distances.sort((a, b) => a - b)
      return distances.slice(0, Math.max(1, round.length - f - 2)).reduce((sum, value) => sum + value, 0)
    })
    const order = round.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]!)
    return new Set(order.slice(0, f).map((i) => round[i]!.client))
  }
}

/** Norm clipping (Sun et al. 2019) with a threshold of `factor` times the round's median: whoever is clipped is flagged. */
function normClipping(factor = 2): (round: Round) => Set<string> {
  return (round) => {
    const norms = round.map(({ norm }) => norm!).sort((a, b) => a - b)
    const threshold = factor * norms[norms.length >> 1]!
    return new Set(round.filter(({ norm }) => norm! > threshold).map(({ client }) => client))
  }
}

/** What is run beside Tidewatch; Krum is told how many attackers there are. */
export function federatedRivals(told: number): [string, (round: Round) => Set<string>][] {
  return [
    ['FoolsGold, weight below 0.1', foolsGold()],
    [`Krum score, told ${told} attackers`, krum(told)],
    ['norm clipping at twice the median', normClipping()],
  ]
}

function cosine(a: Float64Array, b: Float64Array): number {
  let product = 0
  let aa = 0
  let bb = 0
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!
    aa += a[i]! ** 2
    bb += b[i]! ** 2
  }
  return aa > 0 && bb > 0 ? product / Math.sqrt(aa * bb) : 0
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2
  return sum
}
