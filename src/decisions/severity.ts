import type { Severity } from './alert.ts'

/** Bounds on the p-value below which an incident is that severe. */
const bounds: readonly (readonly [Severity, number])[] = [
  ['critical', 1e-6],
  ['high', 1e-4],
  ['medium', 1e-3],
]

const order: readonly Severity[] = ['low', 'medium', 'high', 'critical']

/** An effect below so many times the smallest that its detectors tell of is sure and small. */
const smallEffect = 2
/** So many subjects make an incident a step more severe. */
const wideReach = 10

export interface Weight {
  readonly pValue: number
  /** The greatest effect, in multiples of the smallest that its detector tells of. */
  readonly effect: number
  /** Subjects that it is about. */
  readonly reach: number
}

/**
 * Severity of an incident: how little chance explains it (`critical` for a p-value up to 1e-6, `high` up to 1e-4, `medium` up to 1e-3, else
 * `low`); not above `medium` where the effect is less than twice the smallest that is told; a step more where ten subjects or more are in it.
 */
export function severityOf({ pValue, effect, reach }: Weight): Severity {
  const sure = order.indexOf(bounds.find(([, bound]) => pValue <= bound)?.[0] ?? 'low')
  const felt = effect < smallEffect ? Math.min(sure, order.indexOf('medium')) : sure
  return order[Math.min(order.length - 1, felt + (reach >= wideReach ? 1 : 0))]
}

export function isWorse(a: Severity, b: Severity): boolean {
  return order.indexOf(a) > order.indexOf(b)
}
