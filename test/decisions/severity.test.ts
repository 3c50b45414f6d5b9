import { describe, expect, it } from 'vitest'
import { severityOf } from '../../src/decisions/severity.ts'

const weighed = (pValue: number, effect = 10, reach = 1) => severityOf({ pValue, effect, reach })

describe('severity', () => {
  it('is how little chance explains it', () => {
    expect([0.01, 1e-3, 1e-4, 1e-6, 0].map((pValue) => weighed(pValue))).toEqual(['low', 'medium', 'high', 'critical', 'critical'])
  })

  it('is not above medium where the effect is hardly worth telling', () => {
    expect([0.01, 1e-3, 1e-4, 1e-9].map((pValue) => weighed(pValue, 1.9))).toEqual(['low', 'medium', 'medium', 'medium'])
    expect(weighed(1e-9, 2)).toBe('critical')
  })

  it('is a step more where many subjects are in it', () => {
    expect([0.01, 1e-3, 1e-4, 1e-9].map((pValue) => weighed(pValue, 10, 10))).toEqual(['medium', 'high', 'critical', 'critical'])
    expect(weighed(1e-9, 1.5, 495)).toBe('high')
    expect(weighed(0.01, 10, 9)).toBe('low')
  })
})
