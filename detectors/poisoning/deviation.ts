import { type ClassResiduals, classResiduals } from '../../src/sketches/class-residuals.ts'
import { chiSquaredTail } from '../../src/sketches/count-tails.ts'
import type { SampleBlock } from './sample-block.ts'

/** Fewer samples of the other sources are no reference for a stratum. */
const leastOthers = 16

/** Fewer samples give neither a direction nor a variance. */
const leastHalf = 4

/** See `Deviation.split`. */
export interface Split {
  readonly ratio: number
  readonly freedom1: number
  readonly freedom2: number
  /** Turns that were tried. */
  readonly tests: number
}

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
  readonly #company = new Map<number, boolean>()
  readonly #bySource = new Map<number, number[]>()
  readonly #strata = new Map<number, Stratum>()
  readonly #classes = new Map<number, Stratum>()
  /** Squared traces by class, -1 for all classes together: see `tail`. */
  readonly #spreads = new Map<number, { trace: number; freedom: number }>()

  constructor(block: SampleBlock) {
    this.#block = block
    this.residuals = classResiduals(block.vectors, block.dimensions, block.label, block.size)
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
   * p-value of a mean deviation of that squared length and variance under the null that the group's samples are drawn from the others:
   * the squared length is a sum of weighted chi-squared variables, matched by its first two moments (Box 1954); the weights are the
   * eigenvalues of the residuals' covariance within strata, of one class or (-1) of all.
   */
  tail(squaredLength: number, variance: number, ofClass: number): { pValue: number; ratio: number } {
    let spread = this.#spreads.get(ofClass)
    if (spread === undefined) {
      spread = this.#spread(ofClass)
      this.#spreads.set(ofClass, spread)
    }
    if (!(spread.trace > 0)) return { pValue: 1, ratio: 1 }
    const ratio = squaredLength / (variance * spread.trace)
    return { pValue: chiSquaredTail(ratio * spread.freedom, spread.freedom), ratio }
  }

  /**
   * Variance of the listed samples (all of one source and class) along the direction of their own displacement, in relation to that of
   * the other sources' samples of the class: the direction comes from one half of the samples, the variance from the other half, and the
   * more telling of both turns is given. The degrees of freedom are those of an F test, reduced by the kurtosis of the others.
   */
  split(source: number, members: readonly number[], ofClass: number): Split {
    const halves = [0, 1].map((half) => members.filter((at) => (this.#block.hash[at] & 1) === half))
    let most: Split = { ratio: 1, freedom1: 1, freedom2: 1, tests: 2 }
    for (const [learned, tested] of [halves, [halves[1], halves[0]]]) {
      const direction = learned.length < leastHalf || tested.length < leastHalf ? null : this.mean(source, learned, true)
      if (direction === null) continue
      const own = momentsOf(tested.map((at) => this.project(at, direction.mean)))
      const others = momentsOf(this.#others(source, ofClass).map((at) => this.project(at, direction.mean)))
      if (!(others.variance > 0)) continue
      const ratio = own.variance / others.variance
      const reduced = 2 / Math.max(1, others.kurtosis - 1)
      const split = { ratio, freedom1: (tested.length - 1) * reduced, freedom2: (others.samples - 1) * reduced, tests: 2 }
      if (ratio > most.ratio) most = split
    }
    return most
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

  #hasCompany(cohort: number, source: number): boolean {
    const key = cohort * 65536 + source
    let known = this.#company.get(key)
    if (known === undefined) {
      known = this.#block.hasCompany(cohort, source)
      this.#company.set(key, known)
    }
    return known
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
    let samples = 0
    for (let at = 0; at < this.#block.size; at++) {
      if (usable[at] === 0 || (ofClass >= 0 && this.#block.label[at] !== ofClass)) continue
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

function stratumOf(strata: Map<number, Stratum>, key: number, block: SampleBlock): Stratum {
  let stratum = strata.get(key)
  if (stratum === undefined) {
    stratum = { samples: 0, sum: new Float64Array(block.dimensions), bySource: new Map() }
    strata.set(key, stratum)
  }
  return stratum
}

function momentsOf(values: readonly number[]): { samples: number; variance: number; kurtosis: number } {
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
