import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoff, retryAfter } from '../../src/delivery/backoff.ts'

describe('the wait before a retry', () => {
  it('doubles from a second to five minutes, half of it random', () => {
    expect([1, 2, 3, 4].map((attempt) => backoff(attempt, () => 0))).toEqual([500, 1_000, 2_000, 4_000])
    expect([1, 2, 3, 4].map((attempt) => backoff(attempt, () => 1))).toEqual([1_000, 2_000, 4_000, 8_000])
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, random) => {
        const wait = backoff(attempt, () => random)
        expect(wait).toBeGreaterThanOrEqual(500)
        expect(wait).toBeLessThanOrEqual(300_000)
      }),
    )
  })

  it('understands Retry-After as seconds and as a date, at most an hour, and nothing else', () => {
    const now = Date.UTC(2026, 2, 1)
    expect(retryAfter('7', now)).toBe(7_000)
    expect(retryAfter('Sun, 01 Mar 2026 00:02:00 GMT', now)).toBe(120_000)
    expect(retryAfter('999999', now)).toBe(3_600_000)
    for (const nothing of [null, '', '0', '-5', 'soon', 'Sat, 28 Feb 2026 00:00:00 GMT']) expect(retryAfter(nothing, now)).toBeNull()
  })
})
