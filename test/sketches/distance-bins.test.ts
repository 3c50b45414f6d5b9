import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import {
  addDistance,
  binsAnOctave,
  decodeDistanceBins,
  emptyDistanceBins,
  encodeDistanceBins,
  halve,
  medianBin,
} from '../../src/sketches/distance-bins.ts'

const squaredDistances = fc.array(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 })

function binsOf(squared: readonly number[]) {
  const bins = emptyDistanceBins()
  for (const one of squared) addDistance(bins, one)
  return bins
}

describe('distance bins', () => {
  it('knows the median distance to a quarter of an octave', () => {
    fc.assert(
      fc.property(squaredDistances, (squared) => {
        const exact = [...squared].sort((a, b) => a - b)[squared.length >> 1]!
        expect(medianBin(binsOf(squared))).toBe(medianBin(binsOf([exact])))
      }),
    )
  })

  it('moves by four bins when distances double', () => {
    expect(medianBin(binsOf([4 * 1.7]))! - medianBin(binsOf([1.7]))!).toBe(binsAnOctave)
  })

  it('has a place for every distance and no median of none', () => {
    expect(medianBin(binsOf([0, 0, Number.MAX_VALUE]))).toBe(0)
    expect(medianBin(binsOf([Number.MAX_VALUE]))).toBe(emptyDistanceBins().length - 1)
    expect(medianBin(emptyDistanceBins())).toBe(null)
  })

  it('halves and comes back from its bytes', () => {
    fc.assert(
      fc.property(squaredDistances, (squared) => {
        const bins = binsOf([...squared, ...squared])
        expect(halve(bins)).toBe(squared.length)
        const writer = new ByteWriter()
        encodeDistanceBins(writer, bins)
        expect(decodeDistanceBins(new ByteReader(writer.finish()))).toEqual(bins)
      }),
    )
  })
})
