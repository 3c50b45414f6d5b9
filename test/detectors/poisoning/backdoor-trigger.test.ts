import { describe, expect, it } from 'vitest'
import { backdoorActivation } from '../../../detectors/poisoning/backdoor-activation.ts'
import { backdoorTrigger } from '../../../detectors/poisoning/backdoor-trigger.ts'
import { triggeredModel } from '../../../detectors/poisoning/trigger-example.ts'
import type { Alert } from '../../../src/decisions/alert.ts'
import { createDecisions } from '../../../src/decisions/decide.ts'
import type { DetectorDefinition } from '../../../src/detection/contract.ts'
import { createDetection } from '../../../src/detection/detect.ts'
import type { Event } from '../../../src/telemetry/events.ts'

const detectors = [backdoorActivation, backdoorTrigger] as DetectorDefinition[]

function alertsOf(events: readonly Event[]): Alert[] {
  const detection = createDetection({ seed: 'trigger', detectors })
  const decisions = createDecisions({ falseIncidentsPerDay: 1, detectors })
  return events.flatMap((event) => detection.process(event).flatMap((observation) => decisions.process(observation).alerts))
}

describe('backdoor trigger', () => {
  it('is one incident with the poisoned training: the source, the samples, and who uses what was planted', () => {
    const alerts = alertsOf(triggeredModel(true))
    expect(new Set(alerts.map(({ incident }) => incident)).size).toBe(1)
    const opened = alerts[0]!
    expect(opened).toMatchObject({ status: 'opened', subject: { kind: 'source', id: 'source-3' }, detector: 'backdoor-activation' })
    const used = alerts.find(({ detectors }) => detectors.includes('backdoor-trigger'))!
    expect(used).toMatchObject({ status: 'updated', detectors: ['backdoor-activation', 'backdoor-trigger'] })
    expect(used.members).toContainEqual({ kind: 'principal', id: 'trickster' })
    expect(JSON.stringify(used.evidence)).toContain('callsNearCluster')
    // Thirteen of the trickster's calls carry the trigger; it is named after a handful of them.
    const facts = JSON.stringify(used.evidence)
    expect(Number(/"callsNearCluster":(\d+)/.exec(facts)![1])).toBeLessThanOrEqual(6)
  })

  it('names nobody while nobody uses it, and nobody of a model that another run made', () => {
    expect(alertsOf(triggeredModel(false)).every(({ detectors }) => !detectors.includes('backdoor-trigger'))).toBe(true)
    const another = triggeredModel(true).map((event) =>
      event.kind === 'call' ? { ...event, model: { ...event.model, version: 'another-run' } } : event,
    )
    expect(alertsOf(another).every(({ detectors }) => !detectors.includes('backdoor-trigger'))).toBe(true)
  })
})
