import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { createRandom } from '../../src/sketches/random.ts'
import { ScoreWindow } from '../../src/sketches/score-window.ts'

describe('p-values of scores against the last scores', () => {
  it.each([
    ['exponential', (random: { uniform(): number }) => -Math.log(1 - random.uniform())],
    ['logarithm of a chi-square', (random: { normal(): number }) => Math.log(random.normal() ** 2 + random.normal() ** 2)],
    ['of ten values only', (random: { uint32(): number }) => random.uint32() % 10],
  ])('are uniform, or larger, where scores are exchangeable: %s', (_, draw) => {
    const random = createRandom('uniform')
    const window = new ScoreWindow(500)
    const pValues: number[] = []
    for (let i = 0; i < 20_000; i++) {
      const score = draw(random)
      if (i >= 200) pValues.push(window.survival(score))
      window.push(score)
    }
    for (const bound of [0.5, 0.1, 0.02, 0.002]) {
      const expected = bound * pValues.length
      const found = pValues.filter((pValue) => pValue <= bound).length
      expect(found).toBeLessThan(1.15 * expected + 4 * Math.sqrt(expected))
    }
  })

  it('agree with the ranks in the body and fall on beyond the highest score', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: 20, maxLength: 200 }), (scores) => {
        const window = new ScoreWindow(1000)
        for (const score of scores) window.push(score)
        const probe = [...scores].sort((a, b) => a - b)[Math.floor(scores.length / 3)]!
        const above = scores.filter((score) => score >= probe).length
        expect(window.survival(probe)).toBeGreaterThanOrEqual(
          (above - scores.filter((score) => score === probe).length) / (scores.length + 1),
        )
        expect(window.survival(probe)).toBeLessThanOrEqual((above + 1) / (scores.length + 1))
        const top = Math.max(...scores)
        const beyond = [top, top + 1, top + 10, top + 100].map((score) => window.survival(score))
        for (const [i, pValue] of beyond.entries()) {
          expect(pValue).toBeGreaterThan(0)
          if (i > 0) expect(pValue).toBeLessThanOrEqual(beyond[i - 1]!)
        }
      }),
      { seed: 1 },
    )
  })

  it('depend on the scores that are kept, however many went before, and survive encoding', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 9, noNaN: true }), { minLength: 40, maxLength: 90 }), (scores) => {
        const long = new ScoreWindow(16)
        const short = new ScoreWindow(16)
        for (const score of scores) long.push(score)
        for (const score of scores.slice(-16)) short.push(score)
        const writer = new ByteWriter()
        long.encode(writer)
        const again = ScoreWindow.decode(new ByteReader(writer.finish()), 16)
        for (const probe of [0, 1, 4.5, 20]) {
          expect(long.survival(probe)).toBe(short.survival(probe))
          expect(again.survival(probe)).toBe(long.survival(probe))
        }
        long.push(1, 8)
        expect(long.size).toBe(8)
      }),
      { seed: 2 },
    )
  })
})
