import { studentTail } from './normal.ts'

/** Values farther than so many scaled median deviations from the median are no part of the mean and spread. */
const trim = 2.5
/** Standard deviation of a normal variable cut at 2.5 standard deviations. */
const trimmedDeviation = 0.9498
/** Degrees of freedom for each kept value: the trimmed spread of some 30 values is about as sure as that of six tenths of them. */
const sureness = 0.6

/** Median; reorders `values`. NaN where there are none. */
export function medianOf(values: Float64Array): number {
  const n = values.length
  if (n === 0) return Number.NaN
  values.sort()
  return n % 2 === 1 ? values[(n - 1) / 2] : (values[n / 2 - 1] + values[n / 2]) / 2
}

/** Where most of a small group of values lie, whatever up to a third of them does. */
export class RobustSpread {
  readonly location: number
  readonly scale: number
  readonly freedom: number
  /** Values that are not NaN. */
  readonly size: number

  /** `leastScale` is the smallest difference that is worth speaking of. Values that are NaN are left out. */
  constructor(values: readonly number[], leastScale: number, usual?: UsualScale) {
    const finite = Float64Array.from(values.filter((value) => Number.isFinite(value)))
    const median = medianOf(finite)
    const deviation = 1.4826 * medianOf(finite.map((value) => Math.abs(value - median)))
    let kept = 0
    let mean = 0
    let squares = 0
    for (const value of finite) {
      if (Math.abs(value - median) > trim * deviation) continue
      kept++
      const difference = value - mean
      mean += difference / kept
      squares += difference * (value - mean)
    }
    this.size = finite.length
    this.location = mean
    // Where a third lies elsewhere the median deviation says so; where most values are equal the trimmed spread is too small.
    const spread = Math.max(kept > 1 ? Math.sqrt(squares / (kept - 1)) / trimmedDeviation : 0, kept > 1 ? 0.7 * deviation : 0, leastScale)
    this.scale = usual === undefined ? spread : usual.next(spread)
    this.freedom = Math.max(2, sureness * (kept - 1))
  }

  /** Deviations from the location; 0 for NaN. */
  deviation(value: number): number {
    return Number.isNaN(value) ? 0 : (value - this.location) / this.scale
  }

  /** P-value of so high a deviation, as one more value of the same normal population: Student's t with the kept values' freedom. */
  tail(deviation: number): number {
    return studentTail(deviation, this.freedom)
  }
}

/** Spread of rounds past: a round in which the values happen to lie close together is compared with the usual spread. */
export class UsualScale {
  #scale: number

  constructor(scale = 0) {
    this.#scale = scale
  }

  /** The larger of the round's spread and the decayed average of those before it; takes the round's spread in. */
  next(scale: number): number {
    const usual = this.#scale
    this.#scale = usual === 0 ? scale : 0.8 * usual + 0.2 * scale
    return Math.max(scale, usual)
  }

  get value(): number {
    return this.#scale
  }
}
