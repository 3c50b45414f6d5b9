import { combine } from '../../src/sketches/combination.ts'
import { chiSquaredQuantile, chiSquaredTail } from '../../src/sketches/count-tails.ts'
import type { Deviation, MeanDeviation, Split } from './deviation.ts'
import type { SampleBlock } from './sample-block.ts'

/** Fewer samples of one class from one source are no cluster. */
export const leastSamples = 8
/** A displacement that is no rarer cannot become significant, whatever joins it. */
const notWorthwhile = 0.01
/** Parts of a class's error probability for the signs that join a displacement; where there are no earlier deliveries, the others have it all. */
const parts: Readonly<Record<'cluster' | 'apart' | 'change', number>> = { cluster: 0.2, apart: 0.2, change: 0.6 }
/** A source whose earlier deliveries deviate with a p-value below this has habits, which may be of a class each. */
const habitual = 0.1
/** With fewer other classes nobody can tell what is usual for a source. */
const leastClasses = 4
/** Displacements between honest sources are compared with sampling at this quantile. */
const usualQuantile = 0.75

/** What is most suspicious about one class of a group of samples. */
export interface Verdict {
  /** Holds over all classes of the group together. */
  readonly pValue: number
  readonly ofClass: number
  readonly delivery: number
  readonly ratio: number
  readonly variance: number
  readonly test: string
  readonly direction: Float64Array
}

/** Places of samples by class. */
export type Classes = ReadonlyMap<number, readonly number[]>

/** The usable samples of one source. */
export interface Members {
  readonly all: Classes
  readonly deliveries: ReadonlyMap<number, Classes>
}

interface Displaced {
  readonly ofClass: number
  readonly list: readonly number[]
  /** Against samples of the same age; null where the delivery is alone in its cohort. */
  readonly mean: MeanDeviation | null
  /** Against samples of any age. */
  readonly direction: MeanDeviation
  readonly pValue: number
  readonly ratio: number
}

/**
 * Looks for classes that are displaced in one group of a source's samples and show a sign that this is not the source's way. See
 * `backdoor-activation`.
 */
export class DisplacedClasses {
  readonly #block: SampleBlock
  readonly #deviation: Deviation
  readonly #sources: ReadonlyMap<number, Members>
  readonly #whole = new Map<number, readonly Displaced[]>()
  #usual: number | null = null

  constructor(block: SampleBlock, deviation: Deviation, sources: ReadonlyMap<number, Members>) {
    this.#block = block
    this.#deviation = deviation
    this.#sources = sources
  }

  /** The most suspicious class of a source's samples (`delivery` -1) or of one of its deliveries. */
  worst(source: number, delivery: number): Verdict | null {
    const { all, deliveries } = this.#sources.get(source)!
    const tested = delivery < 0 ? this.#wholeOf(source, all) : this.#displaced(source, deliveries.get(delivery)!)
    const samples = tested.reduce((sum, { list }) => sum + list.length, 0)
    const cohort = delivery < 0 ? Number.NEGATIVE_INFINITY : this.#block.deliveries[delivery].cohort
    const earlier = [...deliveries].filter(([other]) => this.#block.deliveries[other].cohort < cohort).map(([, theirs]) => theirs)
    let habit: Habit | null = null
    let splits: Split[] | null = null
    let worst: Verdict | null = null
    for (const [index, one] of tested.entries()) {
      const { ofClass, list, mean, ratio } = one
      // Most honest classes end here.
      if (one.pValue > notWorthwhile) continue
      splits ??= tested.map(({ ofClass: name, list: members }) => this.#deviation.split(source, members, name))
      const usual = usualRatio(splits, index)
      const signs = [
        { name: 'two clusters', pValue: splits[index].pValue(usual), weight: parts.cluster },
        { name: 'apart from the other classes', pValue: this.#apart(tested, index), weight: parts.apart },
      ]
      if (mean !== null && earlier.length > 0) {
        habit ??= new Habit(this.#deviation, source, earlier)
        signs.push({ name: 'change against earlier deliveries', pValue: habit.change(tested, index), weight: parts.change })
      }
      const sign = combine(signs, 0)
      // Alone in its cohort, a displacement says nothing by itself.
      const pValue = Math.min(1, (Math.max(mean === null ? 0 : one.pValue, sign) * samples) / list.length)
      if (worst !== null && pValue >= worst.pValue) continue
      const { name: test } = signs.reduce((strongest, other) => (other.pValue < strongest.pValue ? other : strongest))
      worst = { pValue, ofClass, delivery, ratio, variance: splits[index].ratio / usual, test, direction: one.direction.mean }
    }
    return worst
  }

  #displaced(source: number, classes: Classes): Displaced[] {
    return [...classes].flatMap(([ofClass, list]) => {
      const direction = list.length < leastSamples ? null : this.#deviation.mean(source, list, true)
      if (direction === null) return []
      const sameAge = this.#deviation.mean(source, list)
      const mean = sameAge !== null && sameAge.samples >= leastSamples ? sameAge : null
      return [{ ofClass, list, mean, direction, ...this.#deviation.displacement(mean ?? direction, ofClass) }]
    })
  }

  #wholeOf(source: number, classes: Classes): readonly Displaced[] {
    let found = this.#whole.get(source)
    if (found === undefined) {
      found = this.#displaced(source, classes)
      this.#whole.set(source, found)
    }
    return found
  }

  /**
   * Whether a class is displaced beyond what the group's other classes are: the most displaced one of them is the source's habit, and what
   * displaces the classes of most sources of the run is nobody's.
   */
  #apart(tested: readonly Displaced[], index: number): number {
    if (tested.length <= leastClasses) return 1
    const { ofClass, mean, direction } = tested[index]
    const own = mean ?? direction
    let habit = 0
    for (const [other, { ratio, mean: sameAge, direction: anyAge }] of tested.entries()) {
      if (other !== index) habit = Math.max(habit, (ratio - 1) * (sameAge ?? anyAge).variance)
    }
    return this.#deviation.displacement(own, ofClass, habit + (this.#usualRatio() - 1) * own.variance).pValue
  }

  /** How much further the classes of honest sources are displaced than sampling explains: the ratio of an upper quartile to the one expected, at least 1. */
  #usualRatio(): number {
    if (this.#usual !== null) return this.#usual
    const ratios = [...this.#sources].flatMap(([source, { all }]) => this.#wholeOf(source, all).map(({ ratio }) => ratio))
    ratios.sort((a, b) => a - b)
    const freedom = this.#deviation.freedom
    const expected = chiSquaredQuantile(1 - usualQuantile, freedom) / freedom
    this.#usual = ratios.length === 0 ? 1 : Math.max(1, ratios[Math.floor(usualQuantile * ratios.length)] / expected)
    return this.#usual
  }
}

/** How a source's earlier deliveries deviate from the others', as far as that is significant. */
class Habit {
  readonly #deviation: Deviation
  readonly #classes = new Map<number, MeanDeviation>()
  /** Variance of a class's displacement: what the source's classes have beyond sampling on average. */
  readonly #variance: number
  readonly #isHabitual: boolean

  constructor(deviation: Deviation, source: number, earlier: readonly Classes[]) {
    this.#deviation = deviation
    let excess = 0
    let samples = 0
    let squares = 0
    for (const ofClass of new Set(earlier.flatMap((classes) => [...classes.keys()]))) {
      const past = deviation.mean(
        source,
        earlier.flatMap((classes) => classes.get(ofClass) ?? []),
      )
      if (past === null) continue
      this.#classes.set(ofClass, past)
      const { ratio } = deviation.displacement(past, ofClass)
      excess += past.samples * (ratio - 1) * past.variance
      samples += past.samples
      squares += ratio * deviation.freedom
    }
    this.#variance = samples > 0 ? Math.max(0, excess / samples) : 0
    this.#isHabitual = chiSquaredTail(squares, this.#classes.size * deviation.freedom) < habitual
  }

  /**
   * p-value of a class's change against the earlier deliveries, beyond what changes in the other classes: samples that are new to the model
   * show a habit otherwise than those that it has learned.
   */
  change(tested: readonly Displaced[], index: number): number {
    let others = 0
    if (this.#isHabitual) {
      for (const [other, one] of tested.entries()) {
        const changed = other === index || one.mean === null ? null : this.#change(one.mean, one.ofClass, 0)
        if (changed !== null) others = Math.max(others, (changed.ratio - 1) * one.mean!.variance)
      }
    }
    const { mean, ofClass } = tested[index]
    return mean === null ? 1 : (this.#change(mean, ofClass, others)?.pValue ?? 1)
  }

  /**
   * The earlier deliveries are shrunk to what the source's classes have in common, or, where the source has habits, taken as one; where the class is
   * new, the habit is expected besides.
   */
  #change(now: MeanDeviation, ofClass: number, others: number): { pValue: number; ratio: number } | null {
    if (this.#classes.size === 0) return null
    const past = this.#classes.get(ofClass)
    if (past === undefined || past.samples < leastSamples) return this.#deviation.displacement(now, ofClass, this.#variance + others)
    const common = this.#variance / (this.#variance + past.variance)
    return this.#deviation.change(now, past, ofClass, { isHabit: this.#isHabitual, common, variance: Math.max(this.#variance, others) })
  }
}

/** Median of the variance ratios of the group's other classes, at least 1: how much more a source scatters than the others anyway. */
function usualRatio(splits: readonly Split[], without: number): number {
  const others = splits.filter((_, index) => index !== without).map(({ ratio }) => ratio)
  others.sort((a, b) => a - b)
  return others.length < 3 ? 1 : Math.max(1, others[others.length >> 1])
}

/** The usable samples of each source, by delivery and class. */
export function membersOf(block: SampleBlock, { residuals }: Deviation): Map<number, Members> {
  const sources = new Map<number, { all: Map<number, number[]>; deliveries: Map<number, Map<number, number[]>> }>()
  for (let at = 0; at < block.size; at++) {
    if (residuals.usable[at] === 0) continue
    const source = madeIn(sources, block.source[at], () => ({ all: new Map(), deliveries: new Map() }))
    const delivery = madeIn(source.deliveries, block.delivery[at], () => new Map<number, number[]>())
    for (const classes of [source.all, delivery]) madeIn(classes, block.label[at], (): number[] => []).push(at)
  }
  return sources
}

function madeIn<T>(map: Map<number, T>, key: number, make: () => T): T {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}
