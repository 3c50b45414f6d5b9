import type { Severity } from './alert.ts'

/** Bounds on the p-value below which an incident is that severe. */
const bounds: readonly (readonly [Severity, number])[] = [
  ['critical', 1e-6],
  ['high', 1e-4],
  ['medium', 1e-3],
]

/** Severity of an incident: how little chance explains it. */
export function severityOf(pValue: number): Severity {
  return bounds.find(([, bound]) => pValue <= bound)?.[0] ?? 'low'
}

const order: readonly Severity[] = ['low', 'medium', 'high', 'critical']

export function isWorse(a: Severity, b: Severity): boolean {
  return order.indexOf(a) > order.indexOf(b)
}
