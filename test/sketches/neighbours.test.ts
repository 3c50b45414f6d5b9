import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Neighbours } from '../../src/sketches/neighbours.ts'

const vectors = (least: number) =>
  fc.array(fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 5, maxLength: 5 }), { minLength: least, maxLength: 40 })

describe('nearest neighbours', () => {
  it('are those that sorting all distances gives, by label too', () => {
    fc.assert(
      fc.property(vectors(1), vectors(1), fc.integer({ min: 1, max: 20 }), (sample, [query], k) => {
        const neighbours = new Neighbours(40, 5)
        const labels = Uint8Array.from(sample, (_, i) => i % 3)
        for (const [slot, vector] of sample.entries()) neighbours.set(slot, Float64Array.from(vector))
        neighbours.query(Float64Array.from(query!), k, labels, 1)
        const distances = sample.map((vector) => vector.reduce((sum, x, i) => sum + (x - query![i]!) ** 2, 0))
        const sorted = (keep: (label: number) => boolean): number[] => distances.filter((_, i) => keep(labels[i]!)).sort((a, b) => a - b)
        const close = (actual: number, expected: number | undefined) =>
          expected === undefined ? expect(actual).toBe(Number.POSITIVE_INFINITY) : expect(Math.abs(actual - expected)).toBeLessThan(1e-9)
        close(neighbours.kth, sorted(() => true)[Math.min(k, sample.length) - 1])
        close(neighbours.same, sorted((label) => label === 1)[1])
        close(neighbours.other, sorted((label) => label !== 1)[1])
      }),
      { seed: 1 },
    )
  })

  it('follow replaced vectors', () => {
    const neighbours = new Neighbours(4, 2)
    neighbours.set(0, Float64Array.of(0, 0))
    neighbours.set(1, Float64Array.of(9, 9))
    neighbours.set(0, Float64Array.of(3, 4))
    neighbours.query(Float64Array.of(0, 0), 1, null, 0)
    expect(neighbours.count).toBe(2)
    expect(neighbours.kth).toBeCloseTo(25)
  })
})
