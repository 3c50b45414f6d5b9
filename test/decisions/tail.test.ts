import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ScoreTail } from '../../src/decisions/tail.ts'
import { createRandom, type Random } from '../../src/sketches/random.ts'

type Draw = (random: Random) => number

const benign: Record<string, Draw> = {
  normal: (random) => 2 + random.normal(),
  uniform: (random) => random.uniform(),
  // Heavier than normal above its middle: a power law of the effect.
  exponential: (random) => -Math.log(1 - random.uniform()),
  'mostly zero': (random) => (random.uniform() < 0.8 ? 0 : Math.abs(random.normal())),
}

/** Share of fresh scores of the same distribution with a p-value of at most `level`, over many populations. */
function rate(draw: Draw, size: number, level: number, seed: string): number {
  const random = createRandom(seed)
  let hits = 0
  let all = 0
  for (let population = 0; population < 150; population++) {
    const tail = new ScoreTail(Float64Array.from({ length: size }, () => draw(random)).sort(), 0.1)
    for (let fresh = 0; fresh < 200; fresh++, all++) if (tail.pValue(draw(random)) <= level) hits++
  }
  return hits / all
}

describe('score to p-value', () => {
  // What is stated at ScoreTail: rates over their nominal value.
  it.each([
    ['normal', 400, 0.1, 1.2],
    ['normal', 400, 0.01, 1.3],
    ['normal', 60, 0.01, 1.6],
    ['uniform', 400, 0.01, 1],
    ['exponential', 400, 0.1, 1.2],
    ['exponential', 400, 0.01, 1.6],
    ['exponential', 2000, 0.001, 1.8],
    ['mostly zero', 400, 0.01, 2.5],
  ] as const)('benign scores that are %s, %d subjects: p <= %d at most %d times as often', (name, size, level, factor) => {
    expect(rate(benign[name], size, level, name)).toBeLessThanOrEqual(factor * level)
  })

  it('still sees what is far out when a few of the population are attackers', () => {
    const random = createRandom('contaminated')
    const scores = Float64Array.from({ length: 200 }, (_, i) => (i < 8 ? 7 : random.normal())).sort()
    // By its rank it would be 9 / 201.
    expect(new ScoreTail(scores, 0.1).pValue(6.5)).toBeLessThan(2e-3)
  })

  it('falls with the score, stays in (0, 1], and is inverted by scoreAt', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 31, max: 300 }), (seed, size) => {
        const random = createRandom(String(seed))
        const tail = new ScoreTail(Float64Array.from({ length: size }, random.normal).sort(), 0.1)
        let before = 1
        for (let score = -4; score < 12; score += 0.1) {
          const p = tail.pValue(score)
          expect(p > 0 && p <= before).toBe(true)
          before = p
        }
        for (const p of [1e-3, 1e-5]) expect(tail.pValue(tail.scoreAt(p)! + 1e-9)).toBeLessThanOrEqual(p * 1.001)
      }),
      { numRuns: 30 },
    )
  })
})
