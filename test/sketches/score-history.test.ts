import { describe, expect, it } from 'vitest'
import { createRandom } from '../../src/sketches/random.ts'
import { historicalP, historySize, learnScore } from '../../src/sketches/score-history.ts'

function historyOf(count: number, score: (step: number) => number): Float32Array {
  const block = new Float32Array(historySize)
  for (let step = 0; step < count; step++) learnScore(block, 0, score(step))
  return block
}

describe('p-values against the past', () => {
  it('are ranks where ranks resolve them', () => {
    const random = createRandom('ranks')
    const scores = Array.from({ length: 2000 }, () => Math.exp(random.normal()))
    const block = historyOf(2000, (step) => scores[step]!)
    for (const score of [0.5, 1, 2, 4]) {
      const rank = (1 + scores.filter((other) => other >= score).length) / 2001
      expect(historicalP(block, 0, score) / rank).toBeGreaterThan(0.9)
      expect(historicalP(block, 0, score) / rank).toBeLessThan(1.12)
    }
  })

  it('follow a power law beyond', () => {
    const random = createRandom('tail')
    const block = historyOf(10_000, () => (1 - random.uniform()) ** (-1 / 3))
    for (const score of [10, 30, 100]) {
      const ratio = Math.log(historicalP(block, 0, score)) / Math.log(score ** -3)
      expect(ratio).toBeGreaterThan(0.85)
      expect(ratio).toBeLessThan(1.1)
    }
  })

  it('fall with the score and are never zero', () => {
    const random = createRandom('falls')
    const block = historyOf(500, () => Math.abs(random.normal()))
    let last = 1
    for (let score = 0.01; score < 1e12; score *= 1.3) {
      const p = historicalP(block, 0, score)
      // Across a bin's edge the interpolated rank may differ by rounding.
      expect(p).toBeLessThanOrEqual(last * 1.0001)
      expect(p).toBeGreaterThan(0)
      last = p
    }
    expect(historicalP(block, 0, Number.MAX_VALUE)).toBeGreaterThan(0)
  })

  it('are one in warm-up and for nothing at all', () => {
    expect(
      historicalP(
        historyOf(49, () => 1),
        0,
        100,
      ),
    ).toBe(1)
    expect(
      historicalP(
        historyOf(100, () => 1),
        0,
        0,
      ),
    ).toBe(1)
  })

  it('make the first score ever rarer the longer there was none', () => {
    const few = historicalP(
      historyOf(100, () => 0),
      0,
      1,
    )
    const many = historicalP(
      historyOf(10_000, () => 0),
      0,
      1,
    )
    expect(few).toBeCloseTo(0.1 / 101, 6)
    expect(many).toBeCloseTo(0.1 / 10_001, 8)
  })

  it('still tell ordinary scores apart after an outlier of any height', () => {
    const random = createRandom('outlier')
    const block = historyOf(1000, () => Math.abs(random.normal()))
    learnScore(block, 0, 1e200)
    expect(historicalP(block, 0, 0.7)).toBeGreaterThan(0.3)
    expect(historicalP(block, 0, 3)).toBeLessThan(0.03)
    expect(historicalP(block, 0, 6)).toBeLessThan(historicalP(block, 0, 3))
  })

  it('forget', () => {
    const block = historyOf(60_000, (step) => (step < 20_000 ? 100 : 1) * (1 + (step % 7) / 10))
    expect(historicalP(block, 0, 100)).toBeLessThan(0.2)
    expect(block[0]).toBeLessThanOrEqual(16_385)
  })
})
