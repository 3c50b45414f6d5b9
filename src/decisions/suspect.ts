import type { DetectorDefinition } from '../detection/contract.ts'
import type { Detail } from './evidence.ts'
import { Incident, type IncidentState } from './incident.ts'

/** A subject within its category: everything that its one fused test needs. */
export interface Suspect {
  readonly key: string
  day: number
  /** By detector, the smallest p-value of the day and what belongs to it. */
  readonly details: Map<string, Detail>
  readonly calls: { traceId: string | null; spanId: string; time: number }[]
  incident: Incident | null
}

/** A suspect as plain values: a detector by its name, an incident by its state. */
export interface SuspectState {
  readonly key: string
  readonly day: number
  readonly details: readonly (Omit<Detail, 'detector'> & { readonly detector: string })[]
  readonly calls: Suspect['calls']
  readonly incident: IncidentState | null
}

export function suspectState({ key, day, details, calls, incident }: Suspect): SuspectState {
  return {
    key,
    day,
    details: [...details.values()].map((detail) => ({ ...detail, detector: detail.detector.name })),
    calls,
    incident: incident?.state() ?? null,
  }
}

/** `definitions` must hold every detector that the state names. */
export function restoreSuspect(state: SuspectState, definitions: ReadonlyMap<string, DetectorDefinition>): Suspect {
  return {
    key: state.key,
    day: state.day,
    details: new Map(state.details.map((detail) => [detail.detector, { ...detail, detector: definitions.get(detail.detector)! }])),
    calls: [...state.calls],
    incident: state.incident === null ? null : Incident.restore(state.incident),
  }
}
