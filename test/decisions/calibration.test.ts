import { describe, expect, it } from 'vitest'
import { ScoreTail } from '../../src/decisions/tail.ts'
import { createRandom } from '../../src/sketches/random.ts'
import { logarithmic, plain, type ScoreLaw } from './score-laws.ts'

const sizes = [30, 60, 100, 300, 1000, 3000] as const
/** No least spread that would help. */
const leastSpread = 0.01

function tailsOf(law: ScoreLaw, size: number, seed: string): ScoreTail[] {
  const random = createRandom(seed)
  const populations = size < 1000 ? 60 : 20
  return Array.from(
    { length: populations },
    () => new ScoreTail(Float64Array.from({ length: size }, () => law.draw(random)).sort(), leastSpread),
  )
}

/** The lowest score with a p-value of at most `p`. */
function reached(tail: ScoreTail, p: number): number {
  tail.pValue(Number.MAX_VALUE)
  return tail.scoreAt(p)!
}

/** How many times as often as stated a fresh score of the same law has a p-value of at most `p`: exact, mean over populations. */
function excess(tails: readonly ScoreTail[], law: ScoreLaw, p: number): number {
  return tails.reduce((sum, tail) => sum + law.beyond(reached(tail, p)), 0) / tails.length / p
}

describe('calibration of the shared p-values', () => {
  it.each(['ln(log-normal)', 'ln(Pareto, power 3)', "ln|Student's t, 3|"])('p-values of fresh scores are uniform or above: %s', (name) => {
    const law = logarithmic[name]!
    const random = createRandom(`fresh ${name}`)
    const pValues = Array.from({ length: 5 }, (_, round) => tailsOf(law, 400, `uniform ${name} ${round}`))
      .flat()
      .map((tail) => tail.pValue(law.draw(random)))
      .sort((a, b) => a - b)
    // Kolmogorov-Smirnov, one-sided at 1 %: no more small p-values than chance gives.
    const above = Math.max(...pValues.map((p, i) => (i + 1) / pValues.length - p))
    expect(above).toBeLessThan(1.52 / Math.sqrt(pValues.length))
    // Within the ranks they are uniform on both sides.
    expect(Math.max(...pValues.map((p, i) => p - i / pValues.length))).toBeLessThan(1.63 / Math.sqrt(pValues.length))
  })

  it.each(Object.entries(logarithmic))('scores as the contract wants them, %s: at most 2 times at 1e-3, 3 times at 1e-4', (name, law) => {
    for (const size of sizes) {
      const tails = tailsOf(law, size, `${name} ${size}`)
      expect(excess(tails, law, 1e-3), `${size} subjects`).toBeLessThanOrEqual(2)
      expect(excess(tails, law, 1e-4), `${size} subjects`).toBeLessThanOrEqual(3)
    }
  })

  it.each(Object.entries(plain))('heavier than the contract allows, %s: at most 5 times at 1e-3, 9 times at 1e-4', (name, law) => {
    for (const size of sizes) {
      const tails = tailsOf(law, size, `${name} ${size}`)
      expect(excess(tails, law, 1e-3), `${size} subjects`).toBeLessThanOrEqual(5)
      expect(excess(tails, law, 1e-4), `${size} subjects`).toBeLessThanOrEqual(9)
    }
  })

  // What it costs: the score at which a subject among normal ones is suspicious, in their standard deviations. Exact: 2.75, 3.09 and 3.72.
  it.each([
    [30, 3e-3, 6.9],
    [60, 3e-3, 5.4],
    [100, 3e-3, 4.3],
    [300, 3e-3, 2.9],
    [300, 1e-3, 3.4],
    [1000, 1e-3, 3.2],
    [1000, 1e-4, 3.9],
  ] as const)('power: among %d normal scores p = %d is reached at %d', (size, p, most) => {
    const scores = tailsOf(logarithmic['ln(log-normal)']!, size, `power ${size}`).map((tail) => reached(tail, p))
    scores.sort((a, b) => a - b)
    expect(scores[scores.length >> 1]).toBeLessThanOrEqual(most)
  })
})
