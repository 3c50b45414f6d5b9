import { describe, expect, it } from 'vitest'
import { ScoreTail } from '../../src/decisions/tail.ts'
import { studentTail } from '../../src/sketches/normal.ts'
import { createRandom, type Random } from '../../src/sketches/random.ts'

interface Benign {
  draw(random: Random): number
  /** Exact chance of a score above `score`. */
  beyond(score: number): number
}

const kinds: Readonly<Record<'normal' | 'exponential', Benign>> = {
  // With so many degrees of freedom Student's tail is the normal one.
  normal: { draw: (random) => random.normal(), beyond: (score) => studentTail(score, 1e9) },
  exponential: { draw: (random) => -Math.log(1 - random.uniform()), beyond: (score) => Math.exp(-Math.max(0, score)) },
}

function tailsOf(kind: Benign, size: number, seed: string): ScoreTail[] {
  const random = createRandom(seed)
  return Array.from({ length: 300 }, () => new ScoreTail(Float64Array.from({ length: size }, () => kind.draw(random)).sort(), 0.1))
}

describe('calibration of the shared p-values', () => {
  it.each(['normal', 'exponential'] as const)('fresh %s scores have uniform p-values (Kolmogorov-Smirnov at 1 %%)', (name) => {
    const random = createRandom(`fresh ${name}`)
    const pValues = tailsOf(kinds[name], 400, `uniform ${name}`).map((tail) => tail.pValue(kinds[name].draw(random)))
    pValues.sort((a, b) => a - b)
    const distance = Math.max(...pValues.map((p, i) => Math.max((i + 1) / pValues.length - p, p - i / pValues.length)))
    expect(distance).toBeLessThan(1.63 / Math.sqrt(pValues.length))
  })

  // Exact rates over their nominal value, mean over 300 populations: what the page on decisions states, with a fifth to spare.
  it.each([
    ['normal', 60, 1e-3, 3],
    ['normal', 60, 1e-4, 4],
    ['normal', 100, 1e-3, 1],
    ['normal', 100, 1e-4, 1],
    ['normal', 2000, 1e-4, 1],
    ['exponential', 60, 1e-3, 25],
    ['exponential', 60, 1e-4, 110],
    ['exponential', 100, 1e-3, 5.5],
    ['exponential', 100, 1e-4, 15],
    ['exponential', 400, 1e-3, 2.8],
    ['exponential', 400, 1e-4, 6],
    ['exponential', 2000, 1e-3, 1.5],
    ['exponential', 2000, 1e-4, 1.9],
  ] as const)('%s scores of %d subjects: p <= %d at most %d times as often', (name, size, level, factor) => {
    const tails = tailsOf(kinds[name], size, `scan ${size} ${name}`)
    const rate = tails.reduce((sum, tail) => sum + kinds[name].beyond(tail.scoreAt(level)), 0) / tails.length
    expect(rate).toBeLessThanOrEqual(factor * level)
  })
})
