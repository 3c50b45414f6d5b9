import fc from 'fast-check'
import { mean, standardDeviation } from 'simple-statistics'
import { describe, expect, it } from 'vitest'
import { layerStatistics } from '../../src/sdk/index.ts'

const finite = fc.double({ min: -1e3, max: 1e3, noNaN: true })

describe('statistics of a layer', () => {
  it('are those of the plain formulas', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(finite, { minLength: 8, maxLength: 64 }), (units, numbers) => {
        const values = numbers.slice(0, numbers.length - (numbers.length % units))
        const told = layerStatistics(values, units, 500)
        expect(told.mean).toBeCloseTo(mean(values), 6)
        expect(told.std).toBeCloseTo(standardDeviation(values), 6)
        const rows = Array.from({ length: values.length / units }, (_, row) => values.slice(row * units, (row + 1) * units))
        expect(told.norm).toBeCloseTo(mean(rows.map((row) => Math.hypot(...row))), 6)
        expect(told.saturatedRatio).toBe(values.filter((x) => Math.abs(x) >= 500).length / values.length)
        expect(told.nonfinite).toBe(0)
      }),
    )
  })

  it('count what is not finite and leave it out of everything else', () => {
    const told = layerStatistics([1, Number.NaN, 0, 3, Number.POSITIVE_INFINITY, -4], 2)
    expect(told).toEqual({ mean: 0, std: Math.sqrt(26 / 4), norm: (1 + 3 + 4) / 3, zeroRatio: 0.25, saturatedRatio: null, nonfinite: 2 })
    expect(Object.values(layerStatistics([Number.NaN], 1)).every((value) => value === null || Number.isFinite(value))).toBe(true)
  })

  it('refuse values that are no whole rows', () => {
    expect(() => layerStatistics([1, 2, 3], 2)).toThrow('3 values are no rows of 2 units')
  })
})
