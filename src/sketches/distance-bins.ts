import type { ByteReader, ByteWriter } from './bytes.ts'

/** Counts of distances by their logarithm: a quarter of an octave a bin, from 2^-16 (and all below) to 2^16 (and all above). */
export type DistanceBins = Uint16Array

export const binsAnOctave = 4
const lowestOctave = -16
const binCount = 128

export function emptyDistanceBins(): DistanceBins {
  return new Uint16Array(binCount)
}

/** `squared` is a squared distance, zero or more. */
export function addDistance(bins: DistanceBins, squared: number): void {
  const bin = Math.floor(binsAnOctave * (0.5 * Math.log2(squared) - lowestOctave))
  bins[Math.max(0, Math.min(binCount - 1, bin))]++
}

/** Halves all counts, so that the past fades; returns what is left. */
export function halve(bins: DistanceBins): number {
  let left = 0
  for (let bin = 0; bin < bins.length; bin++) {
    bins[bin] >>= 1
    left += bins[bin]
  }
  return left
}

/** The bin of the median distance, null where nothing was counted. */
export function medianBin(bins: DistanceBins): number | null {
  let total = 0
  for (const count of bins) total += count
  let below = 0
  for (let bin = 0; bin < bins.length; bin++) {
    below += bins[bin]
    if (2 * below > total) return bin
  }
  return null
}

/** Only bins that hold something are written. */
export function encodeDistanceBins(writer: ByteWriter, bins: DistanceBins): void {
  writer.u8(bins.reduce((used, count) => used + (count === 0 ? 0 : 1), 0))
  bins.forEach((count, bin) => {
    if (count !== 0) writer.u8(bin).u16(count)
  })
}

export function decodeDistanceBins(reader: ByteReader): DistanceBins {
  const bins = emptyDistanceBins()
  for (let left = reader.u8(); left > 0; left--) {
    const bin = reader.u8()
    bins[bin] = reader.u16()
  }
  return bins
}
