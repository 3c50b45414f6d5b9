import { describe, expect, it } from 'vitest'
import { poissonInterval } from '../../bench/support/poisson-interval.ts'

describe('poissonInterval', () => {
  it.each([
    [0, 0, 3.6889],
    [1, 0.0253, 5.5716],
    [10, 4.7954, 18.3904],
    [100, 81.3639, 121.6272],
  ])('gives the tabulated limits for %d events', (count, low, high) => {
    const [from, to] = poissonInterval(count)
    expect(from).toBeCloseTo(low, 3)
    expect(to).toBeCloseTo(high, 3)
  })
})
