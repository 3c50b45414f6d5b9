import { describe, expect, it } from 'vitest'
import { RateMeter } from '../../src/server/rate.ts'

describe('the rate of events', () => {
  it('is the mean of the last five seconds, and nothing before two samples', () => {
    const meter = new RateMeter()
    expect(meter.perSecond()).toBe(0)
    meter.sample(1_000)
    expect(meter.perSecond()).toBe(0)
    for (const count of [1_100, 1_200, 1_200, 1_200, 1_200]) meter.sample(count)
    expect(meter.perSecond()).toBe(40)
    meter.sample(1_200)
    meter.sample(1_200)
    expect(meter.perSecond()).toBe(0)
  })
})
