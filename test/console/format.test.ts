import { describe, expect, it } from 'vitest'
import { formatName, formatNumber, formatPValue, formatSpan, formatValue } from '../../dashboards/console/format.ts'

describe('numbers and names in the console', () => {
  it.each([
    [0, '0'],
    [1234567, '1,234,567'],
    [4.8123, '4.81'],
    [1022.4, '1,022'],
    [0.00031, '3.1 × 10⁻⁴'],
    [-2.5, '-2.5'],
    [1.5e18, '1.5 × 10¹⁸'],
    [Number.NaN, 'NaN'],
  ])('%f is read as %s', (value, text) => expect(formatNumber(value)).toBe(text))

  it.each([
    [null, 'not calibrated yet'],
    [0.0000031, 'p 3.1 × 10⁻⁶, 1 in 320,000 by chance'],
    [0.002, 'p 0.002, 1 in 500 by chance'],
    [0.3, 'p 0.3'],
    [1e-12, 'p 1.0 × 10⁻¹², 1 in 1.0 × 10¹² by chance'],
    [0, 'p below what can be resolved'],
  ])('a p-value of %s is read as %s', (p, text) => expect(formatPValue(p)).toBe(text))

  it.each([
    ['newInputsIn2Hours', 'New inputs in 2 hours'],
    ['top_logprobs', 'Top logprobs'],
    ['calls', 'Calls'],
    ['', ''],
  ])('the name %s is read as %s', (name, text) => expect(formatName(name)).toBe(text))

  it.each([
    [400, '400 ms'],
    [45_000, '45 s'],
    [12 * 60_000, '12 min'],
    [2 * 60_000 + 5_000, '2 min 5 s'],
    [3 * 86_400_000 + 4 * 3_600_000 + 1, '3 d 4 h'],
    [-1, '0 ms'],
  ])('%d ms last %s', (milliseconds, text) => expect(formatSpan(milliseconds)).toBe(text))

  it('values of any shape are one line', () => {
    expect(formatValue({ level: 0.5, names: ['a', 2], none: [], nothing: null, yes: true })).toBe(
      'level 0.5, names a, 2, none none, nothing –, yes yes',
    )
  })
})
