import type { Subject } from '../telemetry/events.ts'
import { type CaseEvidence, mergedEvidence } from './evidence.ts'

/** What is known about a subject when its incident opens or changes. Times are microseconds. */
export interface Standing {
  readonly detector: string
  readonly detectors: readonly string[]
  readonly title: string
  readonly score: number
  readonly threshold: number | null
  readonly pValue: number
  /** The greatest effect, in multiples of the smallest that its detector tells of. */
  readonly effect: number
  /** Subjects that the incident is about besides its own. */
  readonly members: readonly Subject[]
  /** How many subjects it is about where those are more than it names. */
  readonly reach?: number
  readonly model: string | null
  readonly service: string | null
  readonly environment: string | null
  readonly run: string | null
  readonly firstSeen: number
  readonly lastSeen: number
  readonly events: number
  readonly evidence: CaseEvidence
  /** After so long without suspicion the incident is over; a day where absent. */
  readonly quietMicros?: number
}

/** Subjects that an alert names besides its own; the first ones stay. */
const mostNamed = 1000

const dayMicros = 86_400e6

export function quietOf({ quietMicros }: Pick<Standing, 'quietMicros'>): number {
  return quietMicros ?? dayMicros
}

/**
 * What is known after another suspicious look. The smallest p-value speaks for the incident, with the score and the detector that it belongs
 * to; all that was found before stays in the evidence.
 */
export function merged(before: Standing, after: Standing): Standing {
  const strongest = after.pValue <= before.pValue ? after : before
  return {
    ...strongest,
    detectors: [...new Set([...before.detectors, ...after.detectors])],
    effect: Math.max(before.effect, after.effect),
    // Whoever named them before names them anew.
    members: before.detectors.every((name) => after.detectors.includes(name))
      ? after.members
      : named([...before.members, ...after.members]),
    model: strongest.model ?? before.model ?? after.model,
    service: strongest.service ?? before.service ?? after.service,
    firstSeen: Math.min(before.firstSeen, after.firstSeen),
    lastSeen: Math.max(before.lastSeen, after.lastSeen),
    events: Math.max(before.events, after.events),
    quietMicros: Math.max(quietOf(before), quietOf(after)),
    evidence: mergedEvidence(before.evidence, after.evidence, strongest.evidence),
  }
}

/** Each subject once, the first thousand. */
export function named(subjects: readonly Subject[]): Subject[] {
  const byName = new Map<string, Subject>()
  for (const { kind, id } of subjects) {
    if (byName.size === mostNamed) break
    byName.set(`${kind} ${id}`, { kind, id })
  }
  return [...byName.values()]
}
