import { describe, expect, it } from 'vitest'
import {
  chiSquaredQuantile,
  chiSquaredTail,
  fisherTail,
  gammaTail,
  lnGamma,
  negativeBinomialTail,
  skewedTail,
} from '../../src/sketches/count-tails.ts'
import { normalTail } from '../../src/sketches/normal.ts'

describe('lnGamma', () => {
  it('is the logarithm of the factorial', () => {
    let logarithm = 0
    for (let n = 1; n <= 60; n++) {
      expect(lnGamma(n)).toBeCloseTo(logarithm, 10)
      logarithm += Math.log(n)
    }
    expect(lnGamma(0.5)).toBeCloseTo(0.5 * Math.log(Math.PI), 10)
  })
})

describe('negativeBinomialTail', () => {
  it('is one minus the sum of the probabilities below', () => {
    for (const [shape, mean] of [
      [0.5, 0.3],
      [3, 2],
      [40, 7],
    ] as const) {
      let below = 0
      for (let k = 0; k <= 12; k++) {
        expect(negativeBinomialTail(k, shape, mean)).toBeCloseTo(1 - below, 8)
        const p = mean / (mean + shape)
        below += Math.exp(lnGamma(k + shape) - lnGamma(shape) - lnGamma(k + 1) + shape * Math.log(1 - p) + k * Math.log(p))
      }
    }
  })

  it('comes to Poisson for a rate that is known, and keeps its digits far out', () => {
    // P(K >= 20) of a Poisson count with mean 1, from its series.
    expect(negativeBinomialTail(20, 1e7, 1) / 1.58767e-19).toBeCloseTo(1, 3)
    expect(negativeBinomialTail(3, 5, 0)).toBe(0)
    expect(negativeBinomialTail(0, 5, 0)).toBe(1)
  })
})

describe('tails of other distributions', () => {
  it('agree with tables within four per cent', () => {
    for (const [x, freedom, p] of [
      [3.841, 1, 0.05],
      [18.307, 10, 0.05],
      [23.209, 10, 0.01],
      [62.487, 32, 0.001],
    ] as const) {
      expect(chiSquaredTail(x, freedom) / p).toBeCloseTo(1, freedom === 1 ? 0 : 1)
    }
    for (const [f, a, b, p] of [
      [2.124, 20, 30, 0.03],
      [2.549, 20, 30, 0.01],
      [2.0, 10, 1e6, 0.029],
    ] as const) {
      expect(Math.abs(fisherTail(f, a, b) / p - 1)).toBeLessThan(0.08)
    }
  })

  it('and quantiles of chi-squared undo each other', () => {
    for (const freedom of [2, 9.5, 30]) {
      for (const p of [0.9, 0.25, 1e-3]) expect(chiSquaredTail(chiSquaredQuantile(p, freedom), freedom)).toBeCloseTo(p, 6)
    }
  })

  it("of sums of exponentials are Fisher's method", () => {
    expect(gammaTail(-Math.log(0.03), 1)).toBeCloseTo(0.03, 12)
    // Chi-squared with four degrees of freedom has the tail (1 + x / 2) exp(-x / 2).
    expect(gammaTail(4.7, 2)).toBeCloseTo(5.7 * Math.exp(-4.7), 12)
    expect(gammaTail(0, 3)).toBe(1)
  })

  it('of a sum of exponentials is heavier than normal, and exact in its shape', () => {
    // The mean of 100 standard exponentials: gamma with shape 100, skewness 2 / sqrt(100).
    expect(skewedTail(3, 0.2)).toBeCloseTo(chiSquaredTail(2 * 130, 200), 12)
    expect(skewedTail(3, 0.2)).toBeGreaterThan(1.5 * normalTail(3))
    expect(skewedTail(3, 0)).toBe(normalTail(3))
  })
})
