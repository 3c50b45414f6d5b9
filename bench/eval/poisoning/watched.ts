import { configSchema } from '../../../src/config/schema.ts'
import { createDecisions } from '../../../src/decisions/decide.ts'
import { createDetection } from '../../../src/detection/detect.ts'
import { detectors } from '../../../src/detection/registry.ts'
import type { Event, SubjectKind } from '../../../src/telemetry/events.ts'

/** Who was named first by what. */
export interface Naming {
  /** Events up to and with the one that named it. */
  readonly after: number
  readonly detectors: readonly string[]
}

/** Detect and decide stage with their defaults over the events of one run: who of a kind of subject was named. */
export function watched(events: readonly Event[], kind: SubjectKind): Map<string, Naming> {
  const ours = detectors.filter(({ category }) => category === 'poisoning')
  const { seed, decisions: limits } = configSchema.parse({})
  const detection = createDetection({ seed, detectors: ours })
  const decisions = createDecisions({ falseIncidentsPerDay: limits.falseIncidentsPerDay, detectors: ours })
  const named = new Map<string, Naming>()
  for (const [index, event] of events.entries()) {
    const alerts = detection.process(event).flatMap((observation) => decisions.process(observation).alerts)
    for (const alert of [...alerts, ...decisions.advance(event.time)]) {
      for (const subject of [alert.subject, ...alert.members]) {
        if (subject.kind !== kind) continue
        const known = named.get(subject.id)
        const together = [...new Set([...(known?.detectors ?? []), ...alert.detectors])].sort()
        named.set(subject.id, { after: known?.after ?? index + 1, detectors: together })
      }
    }
  }
  return named
}
