import { type ClassResiduals, classResiduals } from '../../src/sketches/class-residuals.ts'
import { chiSquaredTail, fisherTail, negativeBinomialTail } from '../../src/sketches/count-tails.ts'
import type { SampleBlock } from './sample-block.ts'

/** Fewer samples of the other sources are no reference for a stratum. */
const leastOthers = 16

/** Fewer samples give neither a direction nor a variance. */
const leastHalf = 4

/** How many times its past a habit may show in fresh samples. */
const mostGrowth = 2

/** Share of the other sources' samples that lie in their far tail. */
const farTail = 0.01
/** Two halves in turn, and two statistics of each. */
const splitTests = 4

/** See `Deviation.split`. */
export interface Split {
  /** Variance in relation to the others'. */
  readonly ratio: number
  /** p-value where the source usually scatters `usual` times as much as the others. */
  pValue(usual: number): number
}

/** Traces of covariances are estimated from about so many samples for each dimension, evenly chosen. */
const spreadMembers = 16

interface Sums {
  samples: number
  readonly sum: Float64Array
}

interface Stratum extends Sums {
  readonly bySource: Map<number, Sums>
}

/** A group's mean deviation from the other sources, and the variance of that mean in units of one sample's. */
export interface MeanDeviation {
  readonly samples: number
  readonly mean: Float64Array
  readonly variance: number
}

/**
 * How the samples of a block deviate from those of the other sources with the same class that have been trained on equally often (fresh
 * samples lie elsewhere than learned ones, for everybody). Deviations are whitened and clipped (`classResiduals`).
 */
export class Deviation {
  readonly residuals: ClassResiduals
  readonly #block: SampleBlock
  readonly #hasCompany: (cohort: number, source: number) => boolean
  readonly #bySource = new Map<number, number[]>()
  readonly #strata = new Map<number, Stratum>()
  readonly #classes = new Map<number, Stratum>()
  /** Squared traces by class, -1 for all classes together: see `tail`. */
  readonly #spreads = new Map<number, { trace: number; freedom: number }>()

  constructor(block: SampleBlock) {
    this.#block = block
    this.#hasCompany = block.company()
    this.residuals = classResiduals(block.vectors(), block.dimensions, block.label, block.size)
    for (let at = 0; at < block.size; at++) {
      if (this.residuals.usable[at] === 0) continue
      const listed = this.#bySource.get(block.source[at])
      if (listed === undefined) this.#bySource.set(block.source[at], [at])
      else listed.push(at)
      this.#add(ofSource(stratumOf(this.#strata, this.#key(at), block), block.source[at]), at)
    }
    for (const [key, stratum] of this.#strata) {
      const ofClass = stratumOf(this.#classes, Math.floor(key / 65536), block)
      for (const [source, sums] of stratum.bySource) {
        addTo(stratum, sums)
        addTo(ofClass, sums)
        addTo(ofSource(ofClass, source), sums)
      }
    }
  }

  /**
   * Mean deviation of the listed samples, all of one source; null where none of them has a reference. With `anyAge` the reference is the
   * whole class: good for a direction, not for a p-value.
   */
  mean(source: number, members: readonly number[], anyAge = false): MeanDeviation | null {
    const d = this.#block.dimensions
    const groups = new Map<Stratum, Sums>()
    let samples = 0
    for (const at of members) {
      if (this.residuals.usable[at] === 0) continue
      const stratum = this.#reference(at, source, anyAge)
      if (stratum === null) continue
      let group = groups.get(stratum)
      if (group === undefined) {
        group = { samples: 0, sum: new Float64Array(d) }
        groups.set(stratum, group)
      }
      this.#add(group, at)
      samples++
    }
    if (samples === 0) return null
    const mean = new Float64Array(d)
    let variance = 1 / samples
    for (const [stratum, group] of groups) {
      const own = stratum.bySource.get(source)
      const others = stratum.samples - (own?.samples ?? 0)
      variance += (group.samples / samples) ** 2 / others
      for (let i = 0; i < d; i++) {
        mean[i] += (group.sum[i] - (group.samples * (stratum.sum[i] - (own?.sum[i] ?? 0))) / others) / samples
      }
    }
    return { samples, mean, variance }
  }

  /**
   * How much further a mean deviation is from none than sampling explains. Under the null the squared length is a sum of weighted
   * chi-squared variables, matched by its first two moments (Box 1954); the weights are the eigenvalues of the residuals' covariance within
   * strata, of one class or (-1) of all. `ratio` is the squared length in relation to its expectation. `habit` is a variance to expect besides.
   */
  displacement({ mean, variance }: MeanDeviation, ofClass: number, habit = 0): { pValue: number; ratio: number } {
    return this.#tail(mean, variance + habit, ofClass)
  }

  /**
   * The same of the difference from a past mean deviation of the same source, its habit. Where the past shows one (`isHabit`), it is taken as many times as it fits
   * best, up to twice, and may differ by as much as it is: samples that are new to the model show a habit more strongly and otherwise than
   * those that it has learned. Else the past is shrunk to the part `common`, so that an ordinary source is compared with the others.
   */
  change(now: MeanDeviation, past: MeanDeviation, ofClass: number, habit: { isHabit: boolean; common: number; variance: number }) {
    const part = Math.max(habit.common, habit.isHabit ? Math.min(mostGrowth, scaleOf(now.mean, past.mean)) : 0)
    const difference = part === 0 ? now.mean : now.mean.map((value, i) => value - part * past.mean[i])
    return this.#tail(difference, now.variance + part * past.variance + (habit.isHabit ? habit.variance : 0), ofClass)
  }

  /** Degrees of freedom of a squared length, over all classes. */
  get freedom(): number {
    return this.#spreadOf(-1).freedom
  }

  #tail(vector: Float64Array, variance: number, ofClass: number): { pValue: number; ratio: number } {
    const spread = this.#spreadOf(ofClass)
    if (!(spread.trace > 0)) return { pValue: 1, ratio: 1 }
    let squaredLength = 0
    for (let i = 0; i < vector.length; i++) squaredLength += vector[i] * vector[i]
    const ratio = squaredLength / (variance * spread.trace)
    return { pValue: chiSquaredTail(ratio * spread.freedom, spread.freedom), ratio }
  }

  #spreadOf(ofClass: number): { trace: number; freedom: number } {
    let spread = this.#spreads.get(ofClass)
    if (spread === undefined) {
      spread = this.#spread(ofClass)
      this.#spreads.set(ofClass, spread)
    }
    return spread
  }

  /**
   * Whether the listed samples (all of one source and class) split in two along the direction of their own displacement: the direction
   * comes from one half of the samples, the test from the other half, both in turn. Two statistics: the variance along the direction
   * against that of the other sources' samples of the class (F, with degrees of freedom reduced by the kurtosis of the others), and the
   * number of samples in the others' far tail (negative binomial). Both are taken about the own centre: a displaced class is no cluster.
   */
  split(source: number, members: readonly number[], ofClass: number): Split {
    const halves = [0, 1].map((half) => members.filter((at) => (this.#block.hash[at] & 1) === half))
    const tests: { ratio: number; pValue: (usual: number) => number }[] = []
    let others: number[] | null = null
    for (const [learned, tested] of [halves, [halves[1], halves[0]]]) {
      const direction = learned.length < leastHalf || tested.length < leastHalf ? null : this.mean(source, learned, true)
      if (direction === null) continue
      others ??= this.#others(source, ofClass)
      const theirs = Float64Array.from(others, (at) => this.project(at, direction.mean)).sort()
      const own = Float64Array.from(tested, (at) => this.project(at, direction.mean)).sort()
      const usualMoments = momentsOf(theirs)
      if (theirs.length < 2 || !(usualMoments.variance > 0)) continue
      const ratio = momentsOf(own).variance / usualMoments.variance
      const reduced = 2 / Math.max(1, usualMoments.kurtosis - 1)
      tests.push({
        ratio,
        pValue: (usual) => {
          const scattered = fisherTail(ratio / usual, (own.length - 1) * reduced, (theirs.length - 1) * reduced)
          return Math.min(scattered, farTailOf(own, theirs, Math.sqrt(usual)))
        },
      })
    }
    return {
      ratio: tests.reduce((most, { ratio }) => Math.max(most, ratio), 1),
      pValue: (usual) => Math.min(1, splitTests * tests.reduce((least, { pValue }) => Math.min(least, pValue(usual)), 1)),
    }
  }

  /** The samples of a source that have a vector. */
  samplesOf(source: number): readonly number[] {
    return this.#bySource.get(source) ?? []
  }

  #others(source: number, ofClass: number): number[] {
    const others: number[] = []
    for (let at = 0; at < this.#block.size; at++) {
      if (this.#block.label[at] === ofClass && this.#block.source[at] !== source && this.residuals.usable[at] === 1) others.push(at)
    }
    return others
  }

  /** Projection of a sample's residual on a direction. */
  project(at: number, direction: Float64Array): number {
    const d = this.#block.dimensions
    let sum = 0
    for (let i = 0; i < d; i++) sum += this.residuals.values[at * d + i] * direction[i]
    return sum
  }

  #key(at: number): number {
    return this.#block.label[at] * 65536 + (this.#block.deliveries[this.#block.delivery[at]].cohort % 65536)
  }

  #reference(at: number, source: number, anyAge: boolean): Stratum | null {
    const stratum = anyAge ? this.#classes.get(this.#block.label[at])! : this.#strata.get(this.#key(at))!
    if (stratum.samples - (stratum.bySource.get(source)?.samples ?? 0) < leastOthers) return null
    const { cohort } = this.#block.deliveries[this.#block.delivery[at]]
    return anyAge || this.#hasCompany(cohort, source) ? stratum : null
  }

  #add(sums: Sums, at: number): void {
    const d = this.#block.dimensions
    sums.samples++
    for (let i = 0; i < d; i++) sums.sum[i] += this.residuals.values[at * d + i]
  }

  #spread(ofClass: number): { trace: number; freedom: number } {
    const d = this.#block.dimensions
    const { values, usable } = this.residuals
    const covariance = new Float64Array(d * d)
    const centred = new Float64Array(d)
    const members: number[] = []
    for (let at = 0; at < this.#block.size; at++)
      if (usable[at] === 1 && (ofClass < 0 || this.#block.label[at] === ofClass)) members.push(at)
    const step = Math.max(1, Math.floor(members.length / (spreadMembers * d)))
    let samples = 0
    for (let next = 0; next < members.length; next += step) {
      const at = members[next]
      const stratum = this.#strata.get(this.#key(at))!
      for (let i = 0; i < d; i++) centred[i] = values[at * d + i] - stratum.sum[i] / stratum.samples
      for (let i = 0; i < d; i++) for (let j = 0; j <= i; j++) covariance[i * d + j] += centred[i] * centred[j]
      samples++
    }
    let trace = 0
    let squares = 0
    for (let i = 0; i < d; i++) {
      trace += covariance[i * d + i] / samples
      for (let j = 0; j <= i; j++) squares += (i === j ? 1 : 2) * (covariance[i * d + j] / samples) ** 2
    }
    return { trace, freedom: squares > 0 ? (trace * trace) / squares : d }
  }
}

/** How many times the one vector goes into the other, least squares. */
function scaleOf(vector: Float64Array, unit: Float64Array): number {
  let product = 0
  let squares = 0
  for (let i = 0; i < unit.length; i++) {
    product += vector[i] * unit[i]
    squares += unit[i] * unit[i]
  }
  return squares > 0 ? product / squares : 0
}

function stratumOf(strata: Map<number, Stratum>, key: number, block: SampleBlock): Stratum {
  let stratum = strata.get(key)
  if (stratum === undefined) {
    stratum = { samples: 0, sum: new Float64Array(block.dimensions), bySource: new Map() }
    strata.set(key, stratum)
  }
  return stratum
}

/** p-value of the number of `own` values beyond the far tail of `theirs`, both about their medians, `own` scaled down by `usual`. Both ascend. */
function farTailOf(own: Float64Array, theirs: Float64Array, usual: number): number {
  const bound = theirs[Math.ceil((1 - farTail) * theirs.length) - 1] - median(theirs)
  const centre = median(own)
  let beyond = 0
  for (const value of own) if ((value - centre) / usual > bound) beyond++
  const shape = farTail * theirs.length + 1
  return negativeBinomialTail(beyond, shape, (own.length * shape) / theirs.length)
}

function median(ascending: Float64Array): number {
  return (ascending[(ascending.length - 1) >> 1] + ascending[ascending.length >> 1]) / 2
}

function momentsOf(values: Float64Array): { samples: number; variance: number; kurtosis: number } {
  const samples = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / samples
  let second = 0
  let fourth = 0
  for (const value of values) {
    const squared = (value - mean) ** 2
    second += squared
    fourth += squared * squared
  }
  return { samples, variance: second / (samples - 1), kurtosis: second > 0 ? (samples * fourth) / (second * second) : 3 }
}

function ofSource({ bySource, sum }: Stratum, source: number): Sums {
  let own = bySource.get(source)
  if (own === undefined) {
    own = { samples: 0, sum: new Float64Array(sum.length) }
    bySource.set(source, own)
  }
  return own
}

function addTo(to: Sums, from: Sums): void {
  to.samples += from.samples
  for (let i = 0; i < to.sum.length; i++) to.sum[i] += from.sum[i]
}
