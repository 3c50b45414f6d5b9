import { ByteReader, ByteWriter } from './bytes.ts'

/** A weighted sum of feature vectors of inputs that had `dimensions` numbers. Field by field the sketches of two sets add up. */
export interface MeanSketch {
  readonly dimensions: number
  weight: number
  squaredWeight: number
  readonly sum: Float32Array
}

export function emptyMeanSketch(dimensions: number, features: number): MeanSketch {
  return { dimensions, weight: 0, squaredWeight: 0, sum: new Float32Array(features) }
}

export function encodeMeanSketch({ dimensions, weight, squaredWeight, sum }: MeanSketch): Uint8Array {
  return new ByteWriter(24 + 4 * sum.length).u32(dimensions).f64(weight).f64(squaredWeight).u16(sum.length).f32s(sum).finish()
}

export function decodeMeanSketch(bytes: Uint8Array): MeanSketch {
  const reader = new ByteReader(bytes)
  return { dimensions: reader.u32(), weight: reader.f64(), squaredWeight: reader.f64(), sum: reader.f32s(reader.u16()) }
}

/** Number of equally weighed inputs that the sketch is worth (Kish 1965). */
export function effectiveCount({ weight, squaredWeight }: MeanSketch): number {
  return squaredWeight > 0 ? (weight * weight) / squaredWeight : 0
}

/**
 * Mean kernel similarity of two different inputs of the sketch, 0..1: high for those who ask one thing, low for those who ask everything.
 * Unbiased up to a floor that keeps its logarithm finite.
 */
export function selfSimilarity({ weight, squaredWeight, sum }: MeanSketch): number {
  const pairs = weight * weight - squaredWeight
  if (!(pairs > 0)) return 1
  let squared = 0
  for (const value of sum) squared += value * value
  return Math.min(1, Math.max(0.01, (squared / sum.length - squaredWeight) / pairs))
}
