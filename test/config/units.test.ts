import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytes, duration, formatBytes, formatDuration, list } from '../../src/config/units.ts'

describe('units', () => {
  it.each([
    ['500ms', 0.5],
    ['10s', 10],
    ['1.5 m', 90],
    ['12h', 43_200],
    ['30d', 2_592_000],
    [7, 7],
    [0, 0],
  ])('duration %s is %d seconds', (text, seconds) => {
    expect(duration.parse(text)).toBe(seconds)
  })

  it.each([
    ['1B', 1],
    ['64 KB', 65_536],
    ['4MB', 4_194_304],
    ['1.5 gb', 1_610_612_736],
    ['1 TB', 1_099_511_627_776],
    [17, 17],
  ])('size %s is %d bytes', (text, size) => {
    expect(bytes.parse(text)).toBe(size)
  })

  it.each(['', '10', 's', '-1s', '1e3s', '5 min', '1 w', null, -1, Number.NaN, Infinity])('%s is no duration', (value) => {
    expect(duration.safeParse(value).success).toBe(false)
  })

  it.each(['', '10', '0 MB', '0.1 B', '-1 KB', '1 PB', '1 KiB', 0, 1.5, -4, Number.NaN])('%s is no size', (value) => {
    expect(bytes.safeParse(value).success).toBe(false)
  })

  it.each([
    [2_592_000, '30d'],
    [43_200, '12h'],
    [90, '90s'],
    [0.4, '400ms'],
    [0, 0],
  ])('%d seconds are written as %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text)
  })

  it.each([
    [65_536, '64 KB'],
    [16_777_216, '16 MB'],
    [1023, 1023],
  ])('%d bytes are written as %s', (size, text) => {
    expect(formatBytes(size)).toBe(text)
  })

  it('what is written is read back as it was', () => {
    const seconds = fc.oneof(
      fc.nat(),
      fc.nat(100_000).map((millis) => millis / 1000),
      fc.double({ min: 0, max: 1e9, noNaN: true }),
    )
    fc.assert(fc.property(seconds, (value) => duration.parse(formatDuration(value)) === value))
    fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 45 }), (value) => bytes.parse(formatBytes(value)) === value))
  })

  it('a list written with commas is the list', () => {
    const item = fc.stringMatching(/^[a-z0-9.:_-]+$/)
    fc.assert(
      fc.property(fc.array(item), (items) => {
        expect(list.parse(items.join(' , '))).toEqual(items)
      }),
    )
    expect(list.parse(['a, b'])).toEqual(['a, b'])
  })
})
