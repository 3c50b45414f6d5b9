import type { ExpectAction } from '../decisions/action.ts'
import type { PopulationStatus } from '../decisions/comparisons.ts'
import type { BudgetStatus } from '../decisions/decide.ts'
import type { LookStatus } from '../decisions/looks.ts'
import { isoMicros } from '../telemetry/time.ts'
import type { DetectorSummary } from './deps.ts'

/** What the decide stage tells of itself. */
export interface DecisionsStatus {
  readonly budget: BudgetStatus
  readonly populations: readonly PopulationStatus[]
  readonly looks: readonly LookStatus[]
  readonly expectations: readonly ExpectAction[]
  /** Another member of the deployment decides: the rest is empty. */
  readonly elsewhere?: true
}

/** Populations that are named where they lack something; there may be thousands. */
const mostNamed = 10

/** The budget, and of every detector whether it can judge yet. */
export function readiness(
  { budget, populations, looks, elsewhere }: Omit<DecisionsStatus, 'expectations'>,
  detectors: readonly DetectorSummary[],
) {
  const { perDay, day, spent } = budget
  return {
    decidedElsewhere: elsewhere === true,
    budget: { perDay, day: day === null ? null : isoMicros(day).slice(0, 10), spent },
    detectors: detectors.map(({ name, category, enabled }) => {
      const own = populations.filter(({ detector }) => detector === name)
      const states = looks.find(({ detector }) => detector === name)
      const waiting = own.flatMap(({ population, lacks }) => (lacks === null ? [] : [{ population, lacks }]))
      return {
        name,
        category,
        enabled,
        // A state that judges by itself is its own population.
        populations: own.length + (states?.states ?? 0),
        armed: own.length - waiting.length + (states?.armed ?? 0),
        waiting: waiting.slice(0, mostNamed),
      }
    }),
  }
}
