import type { DetectorDefinition } from '../detection/contract.ts'
import type { Contribution, Detail } from './evidence.ts'

/** A subject within its category: everything that its one fused test needs. */
export interface Suspect {
  readonly key: string
  day: number
  /** By detector, the smallest p-value of the day and what belongs to it. */
  readonly details: Map<string, Detail>
  /** The events behind its smallest p-values. */
  calls: Contribution[]
  /** Id of the incident that it belonged to at its last look. */
  incident: string | null
}

/** A suspect as plain values: a detector by its name. */
export interface SuspectState {
  readonly key: string
  readonly day: number
  readonly details: readonly (Omit<Detail, 'detector'> & { readonly detector: string })[]
  readonly calls: readonly Contribution[]
  readonly incident: string | null
}

export function suspectState({ key, day, details, calls, incident }: Suspect): SuspectState {
  return {
    key,
    day,
    details: [...details.values()].map((detail) => ({ ...detail, detector: detail.detector.name })),
    calls,
    incident,
  }
}

/** `definitions` must hold every detector that the state names. */
export function restoreSuspect(state: SuspectState, definitions: ReadonlyMap<string, DetectorDefinition>): Suspect {
  return {
    key: state.key,
    day: state.day,
    details: new Map(state.details.map((detail) => [detail.detector, { ...detail, detector: definitions.get(detail.detector)! }])),
    calls: [...state.calls],
    incident: state.incident,
  }
}
