import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDecisions, type Decisions } from '../../src/decisions/decide.ts'
import type { DetectorDefinition } from '../../src/detection/contract.ts'
import { createDetection } from '../../src/detection/detect.ts'
import type { Observation } from '../../src/detection/observation.ts'
import { detectors } from '../../src/detection/registry.ts'
import { plainDetector } from './observations.ts'

// The examples of all detectors, one after the other: warm-up, references, incidents that open and are updated.
const detection = createDetection({ seed: 1 })
const observations: Observation[] = detectors
  .flatMap((definition) => definition.example.anomalous())
  .flatMap((event) => detection.process(event))
const last = observations.reduce((latest, { time }) => Math.max(latest, time), 0)
const quiet = last + 3 * 86_400e6

/** Verdicts and alerts as text, with the stage replaced by its restored snapshot before each of the given observations. */
function run(restoreAt: ReadonlySet<number>): string[] {
  let decisions = create()
  const said: string[] = []
  observations.forEach((observation, index) => {
    if (restoreAt.has(index)) decisions = restored(decisions)
    said.push(JSON.stringify(decisions.process(observation)))
  })
  if (restoreAt.has(observations.length)) decisions = restored(decisions)
  return [...said, JSON.stringify(decisions.advance(quiet)), JSON.stringify(decisions.status())]
}

const create = (): Decisions => createDecisions({ falseIncidentsPerDay: 1 })

function restored(decisions: Decisions): Decisions {
  const fresh = create()
  fresh.restore(decisions.snapshot())
  return fresh
}

describe('the state of decisions', () => {
  const undisturbed = run(new Set())

  it('has incidents that open and resolve in what is compared', () => {
    const text = undisturbed.join('\n')
    for (const status of ['opened', 'resolved']) expect(text).toContain(`"status":"${status}"`)
  })

  it('goes on from a snapshot as if nothing had happened, wherever that is', () => {
    const places = fc.uniqueArray(fc.nat({ max: observations.length }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(places, (at) => {
        expect(run(new Set(at))).toEqual(undisturbed)
      }),
      { numRuns: 8, seed: 1, examples: [[[observations.length]]] },
    )
  })

  it('is refused by other detectors, other versions and as other bytes', () => {
    const bytes = create().snapshot()
    const other = (list: readonly DetectorDefinition[]) => createDecisions({ falseIncidentsPerDay: 1, detectors: list })
    const newer = detectors.map((definition, index) => (index === 0 ? { ...definition, version: definition.version + 1 } : definition))
    for (const list of [detectors.slice(1), newer, [plainDetector('plain') as DetectorDefinition]]) {
      expect(() => other(list).restore(bytes)).toThrow(expect.objectContaining({ code: 'TW_STATE_MISMATCH' }))
    }
    const changed = bytes.slice()
    changed[0] = 99
    expect(() => create().restore(changed)).toThrow(expect.objectContaining({ code: 'TW_STATE_MISMATCH' }))
  })
})
