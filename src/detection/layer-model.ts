import { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import { ClassGaussian } from '../sketches/class-gaussian.ts'
import { ClassTrends } from '../sketches/class-trends.ts'
import { FusedWindows } from '../sketches/fused-windows.ts'
import { IsolationForest } from '../sketches/isolation-forest.ts'
import { Neighbours } from '../sketches/neighbours.ts'
import { Projection } from '../sketches/projection.ts'
import { hash32 } from '../sketches/random.ts'
import { RunningScale } from '../sketches/running-scale.ts'

/** What is measured of a call, in this order. */
export const layerStatistics = [
  'classDistance',
  'scaledClassDistance',
  'neighbours',
  'neighboursOfOtherLabels',
  'distanceForUncertainty',
  'scaledNeighbours',
  'isolation',
  'size',
  'uncertainty',
] as const

/**
 * How much each statistic counts, in the order above. Chosen once, on all development sets together: tables of numbers, penultimate
 * layers of a residual network, a small classifier with labels; and, for labels, on ten layers of other digit classifiers (rectified and
 * hyperbolic, 24 to 256 units), so that none of the families decides alone. With labels, isolation and size mostly say which class it is;
 * of long vectors, whose numbers are one of many alike, the direction says most and single numbers nothing.
 */
const weights = {
  short: { plain: [1, 0, 0.5, 0, 0, 1, 2, 1, 0.5], labelled: [1, 1.5, 3, 0.25, 0.25, 0, 0, 0, 0] },
  long: { plain: [2, 0, 1, 0, 0, 0, 0, 0, 0.5], labelled: [1, 1.5, 3, 0.25, 0.25, 0, 0, 0, 0] },
} as const

/** Longer vectors are projected to so many numbers for distances. */
const compared = 64
/** Longer vectors are folded to so many with random signs before anything else. */
const mostLength = 1024
/** A sample has at most so many vectors; fewer where they are long, so that a query costs at most 32k multiplications. */
const largestSample = 1024
const queryCost = 32_768
/** The sample follows the stream: a new vector is taken in as often as if only so many samples' lengths had gone by. */
const sampleMemory = 8
/** The k-th neighbour, as a share of the sample: beyond small clusters of alike anomalies. With labels the second of the same one. */
const neighbourShare = 0.02
const trees = 64
/** From so many calls on a layer is old. */
const settled = 2048
/** Until so many calls a tree is replaced at each of them, then at every eighth. */
const youngForest = 512
/** Scores that p-values are taken from. */
const window = 2048
/** Squared distance, as a part of the vector's own square, below which inputs are the same. */
const leastAngle = 0.001
/** Distinct labels that are told apart; the last number is for all others. */
const mostLabels = 32
/** Calls before anything but neighbours can speak, and before p-values may be believed. */
const firstFit = 32
const warmUp = 100
/** Calls that are stranger than this share of the others teach neither the moments nor the sample, else anomalies would make themselves usual. */
const untaught = 0.1
/**
 * A class's moments learn nothing that is farther from them than this share of the calls: where one class is the target of an attack, strange
 * calls are a third of it.
 */
const untaughtFar = 0.2

/**
 * What the activations of one layer of one model usually look like, and how unusual a call is before it is learned. No labels of
 * anomalies, no past needed; memory up to 4 MB for any length of vectors, 1 MB with ten labels.
 */
export class LayerModel {
  /** p-values by statistic of the last call that was scored, NaN where one could not speak. */
  get parts(): Float64Array {
    return this.#fused.parts
  }

  readonly #length: number
  /** Whether vectors are projected. */
  readonly #long: boolean
  #calls = 0
  #nextRefresh = firstFit
  readonly #labels = new Map<string, number>()
  #scale: RunningScale
  /** Of directions, and of scaled vectors; the latter only where there are labels. */
  #gaussian: ClassGaussian
  #scaledGaussian: ClassGaussian
  /** Of the scaled class distance over the uncertainty. */
  #trends: ClassTrends
  #forest: IsolationForest
  /** Among half normed vectors; among scaled ones only where they are short. */
  #halfNormed: Neighbours
  #scaled: Neighbours
  #fused: FusedWindows
  /** The sample's vectors, unscaled, and their labels. */
  readonly #sample: Float32Array
  readonly #sampleLabels: Uint8Array
  readonly #sampleSize: number
  readonly #projection: Projection
  readonly #statistics = new Float64Array(layerStatistics.length)
  readonly #x: Float64Array
  readonly #y: Float64Array
  readonly #u: Float64Array
  readonly #h: Float64Array
  readonly #v: Float64Array

  /** For vectors of `length` numbers, at least one. */
  constructor(length: number, seed: string) {
    const kept = Math.min(length, mostLength)
    this.#length = length
    this.#long = kept > compared
    this.#projection = new Projection({ length: kept, most: compared, seed })
    const size = this.#projection.size
    this.#sampleSize = Math.min(largestSample, 4 * Math.floor(queryCost / (this.#long ? 2 : 1) / size / 4))
    this.#scale = new RunningScale(kept)
    this.#gaussian = new ClassGaussian(size, mostLabels)
    this.#forest = new IsolationForest(this.#long ? 0 : trees, seed)
    this.#scaledGaussian = new ClassGaussian(size, mostLabels)
    this.#trends = new ClassTrends(mostLabels)
    this.#halfNormed = new Neighbours(this.#sampleSize, size)
    this.#scaled = new Neighbours(this.#long ? 0 : this.#sampleSize, size)
    this.#fused = new FusedWindows(layerStatistics.length, window)
    this.#sample = new Float32Array(this.#sampleSize * kept)
    this.#sampleLabels = new Uint8Array(this.#sampleSize)
    this.#x = new Float64Array(kept)
    this.#y = new Float64Array(kept)
    this.#u = new Float64Array(size)
    this.#h = new Float64Array(size)
    this.#v = new Float64Array(size)
  }

  get length(): number {
    return this.#length
  }

  get calls(): number {
    return this.#calls
  }

  get #labelled(): boolean {
    return this.#labels.size > 1
  }

  /** Whether p-values may be believed: enough calls came before the one that was scored last. */
  get warm(): boolean {
    return this.#calls > warmUp
  }

  /**
   * P(a call of this layer is at least so strange), in (0, 1), of a finite vector, which then is learned. `uncertainty` is the
   * producer's own, on any scale that grows with it.
   */
  add(vector: Float32Array, label: string | null, uncertainty: number | null): number {
    const number = this.#numberOf(label)
    this.#calls++
    this.#represent(vector)
    this.#measure(number, uncertainty)
    const pValue = this.#fused.add(
      this.#statistics,
      weights[this.#long ? 'long' : 'short'][this.#labelled ? 'labelled' : 'plain'],
      Math.max(warmUp, this.#calls / 2),
    )
    this.#learn(number, pValue, uncertainty)
    return pValue
  }

  /** Direction of the last vector relative to its class, whitened: uncorrelated numbers of variance one. Not to be changed. */
  get residual(): Float64Array {
    return this.#gaussian.whitened
  }

  /** The numbers of the last vector that lie farthest from their mean, in spreads; folded vectors have none. */
  farthest(count: number): { readonly dimension: number; readonly spreads: number }[] {
    if (this.#length > mostLength) return []
    const y = this.#y
    this.#scale.apply(this.#x, y)
    const found: { dimension: number; spreads: number }[] = []
    for (let taken = Math.min(count, y.length); taken > 0; taken--) {
      let dimension = 0
      for (let i = 1; i < y.length; i++) if (Math.abs(y[i]) > Math.abs(y[dimension])) dimension = i
      found.push({ dimension, spreads: y[dimension] })
      y[dimension] = 0
    }
    return found
  }

  #numberOf(label: string | null): number {
    if (label === null) return 0
    let number = this.#labels.get(label)
    if (number === undefined) {
      if (this.#labels.size >= mostLabels - 1) return mostLabels - 1
      number = this.#labels.size
      this.#labels.set(label, number)
    }
    return number
  }

  /**
   * Three forms of the vector, projected: its direction; divided by the root of its length, halfway between the direction, which does not
   * see how strong an activation is, and the vector itself, in which that outweighs all else; and in spreads of each number.
   */
  #represent(vector: Float32Array): void {
    const x = this.#x
    if (vector.length <= mostLength) x.set(vector)
    else {
      x.fill(0)
      // Signs by the bits of a multiplicative hash of the place.
      for (let i = 0; i < vector.length; i++) x[i & (mostLength - 1)] += (Math.imul(i, 0x9e3779b1) & 0x8000) === 0 ? vector[i] : -vector[i]
    }
    let norm = 0
    for (let i = 0; i < x.length; i++) norm += x[i] * x[i]
    this.#projection.project(x, this.#u)
    const inverse = norm > 0 ? 1 / Math.sqrt(norm) : 0
    const half = Math.sqrt(inverse)
    for (let i = 0; i < this.#u.length; i++) {
      this.#h[i] = half * this.#u[i]
      this.#u[i] *= inverse
    }
    if (this.#long && !this.#labelled) return
    this.#scale.apply(x, this.#y)
    this.#projection.project(this.#y, this.#v)
  }

  #measure(label: number, uncertainty: number | null): void {
    const statistics = this.#statistics.fill(Number.NaN)
    const unsure = uncertainty !== null && Number.isFinite(uncertainty)
    if (unsure) statistics[8] = uncertainty
    const sample = this.#halfNormed
    if (sample.count < 2) return
    const labelled = this.#labelled
    const k = Math.max(2, Math.round(neighbourShare * sample.count))
    sample.query(this.#h, k, labelled ? this.#sampleLabels : null, label)
    if (!labelled) statistics[2] = logarithm(sample.kth)
    else if (sample.same < Number.POSITIVE_INFINITY) {
      statistics[2] = logarithm(sample.same)
      if (sample.other < Number.POSITIVE_INFINITY) {
        // Copies of one input must not be infinitely near.
        const least = leastAngle * squareOf(this.#h)
        statistics[3] = Math.log((sample.same + least) / (sample.other + least))
      }
    }
    if (this.#nextRefresh === firstFit) return
    statistics[0] = logarithm(this.#gaussian.distance(this.#u, label))
    if (labelled && this.#scaledGaussian.count > 0) {
      statistics[1] = logarithm(this.#scaledGaussian.distance(this.#v, label))
      if (unsure) statistics[4] = this.#trends.residual(label, uncertainty, statistics[1])
    }
    if (this.#long) return
    statistics[7] = logarithm(squareOf(this.#v))
    if (labelled) return
    this.#scaled.query(this.#v, k, null, label)
    statistics[5] = logarithm(this.#scaled.kth)
    statistics[6] = -this.#forest.path(this.#v)
  }

  #learn(label: number, pValue: number, uncertainty: number | null): void {
    const n = this.#calls
    if (!this.warm || pValue > untaught) {
      const [direction, scaled, neighbours] = this.#fused.parts
      const near = (part: number, share: number): boolean => !this.warm || !(part <= share)
      // Old layers change slowly: half of the calls are enough for the spreads of long vectors.
      if (n < settled || n % 2 === 0) this.#scale.learn(this.#x)
      if (near(direction, untaughtFar)) this.#gaussian.learn(this.#u, label)
      if (this.#scaledGaussian.count > 0 && near(scaled, untaughtFar)) this.#scaledGaussian.learn(this.#v, label)
      if (uncertainty !== null && !Number.isNaN(this.#statistics[1])) this.#trends.learn(label, uncertainty, this.#statistics[1])
      if (near(direction, untaught) && near(scaled, untaught) && near(neighbours, untaught)) this.#take(label)
    }
    if (n >= this.#nextRefresh) this.#refresh()
    else if (this.#forest.grown > 0 && !this.#labelled && (n < youngForest || n % 8 === 0)) this.#forest.grow(this.#scaled, this.#v.length)
  }

  /** Reservoir sampling (Vitter 1985) that forgets. */
  #take(label: number): void {
    let slot = this.#halfNormed.count
    if (slot === this.#sampleSize) slot = hash32(`${this.#calls}`) % Math.min(this.#calls, sampleMemory * this.#sampleSize)
    if (slot >= this.#sampleSize) return
    this.#sample.set(this.#x, slot * this.#x.length)
    this.#sampleLabels[slot] = label
    this.#halfNormed.set(slot, this.#h)
    if (!this.#long) this.#scaled.set(slot, this.#v)
  }

  /** Scales the sample anew: at growing distances, later every 1,024 calls. */
  #refresh(): void {
    this.#nextRefresh = this.#calls + Math.min(1024, Math.max(8, this.#calls >> 2))
    this.#scale.refresh()
    this.#gaussian.refresh()
    // While the spreads are young, scaled moments are made anew from the sample: they cannot be scaled later.
    const anew = this.#labelled && (this.#calls <= this.#sampleSize || this.#scaledGaussian.count === 0)
    if (anew) this.#scaledGaussian = new ClassGaussian(this.#v.length, mostLabels)
    if (anew || !this.#long) {
      for (let slot = 0; slot < this.#halfNormed.count; slot++) {
        this.#scale.apply(this.#sample, this.#y, slot * this.#y.length)
        this.#projection.project(this.#y, this.#v)
        if (!this.#long) this.#scaled.set(slot, this.#v)
        if (anew) this.#scaledGaussian.learn(this.#v, this.#sampleLabels[slot])
      }
    }
    this.#scaledGaussian.refresh()
    if (this.#long || this.#labelled) return
    for (let grow = this.#forest.grown === 0 ? trees : 1; grow > 0; grow--) this.#forest.grow(this.#scaled, this.#v.length)
  }

  encode(): Uint8Array {
    const writer = new ByteWriter(1024).u32(this.#length).f64(this.#calls).f64(this.#nextRefresh).u16(this.#labels.size)
    for (const label of this.#labels.keys()) writer.text(label)
    this.#scale.encode(writer)
    this.#gaussian.encode(writer)
    this.#scaledGaussian.encode(writer)
    this.#trends.encode(writer)
    this.#forest.encode(writer)
    this.#halfNormed.encode(writer)
    this.#scaled.encode(writer)
    this.#fused.encode(writer)
    const { count } = this.#halfNormed
    return writer
      .f32s(this.#sample.subarray(0, count * this.#x.length))
      .block(this.#sampleLabels.subarray(0, count))
      .finish()
  }

  static decode(bytes: Uint8Array, seed: string): LayerModel {
    const reader = new ByteReader(bytes)
    const model = new LayerModel(reader.u32(), seed)
    model.#calls = reader.f64()
    model.#nextRefresh = reader.f64()
    for (let left = reader.u16(); left > 0; left--) model.#labels.set(reader.text(), model.#labels.size)
    const size = model.#u.length
    model.#scale = RunningScale.decode(reader, model.#x.length)
    model.#gaussian = ClassGaussian.decode(reader, size, mostLabels)
    model.#scaledGaussian = ClassGaussian.decode(reader, size, mostLabels)
    model.#trends = ClassTrends.decode(reader, mostLabels)
    model.#forest = IsolationForest.decode(reader, model.#long ? 0 : trees, seed)
    model.#halfNormed = Neighbours.decode(reader, model.#sampleSize, size)
    model.#scaled = Neighbours.decode(reader, model.#long ? 0 : model.#sampleSize, size)
    model.#fused = FusedWindows.decode(reader, layerStatistics.length, window)
    model.#sample.set(reader.f32s(model.#halfNormed.count * model.#x.length))
    model.#sampleLabels.set(reader.block())
    return model
  }
}

function squareOf(vector: Float64Array): number {
  let squared = 0
  for (let i = 0; i < vector.length; i++) squared += vector[i] * vector[i]
  return squared
}

function logarithm(distance: number): number {
  return Math.log(distance + 1e-12)
}
