import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDecisions } from '../../src/decisions/decide.ts'
import type { DetectorDefinition } from '../../src/detection/contract.ts'
import { createDetection } from '../../src/detection/detect.ts'
import type { Observation } from '../../src/detection/observation.ts'
import { detectors } from '../../src/detection/registry.ts'
import type { Event } from '../../src/telemetry/events.ts'
import { brokenCalls } from './broken-calls.ts'
import { brokenPoints } from './broken-points.ts'

// What every detector promises, whatever it looks for. A detector joins by being in the registry.

const broken = fc.oneof(brokenCalls, brokenPoints)

function observations(definition: DetectorDefinition, events: readonly Event[], seed = 'conformance'): Observation[] {
  const detection = createDetection({ seed, detectors: [definition] })
  return events.flatMap((event) => [...detection.process(event), ...detection.advance(event.time)])
}

function openedBy(definition: DetectorDefinition, events: readonly Event[]) {
  const decisions = createDecisions({ falseIncidentsPerDay: 1, detectors: [definition] })
  return observations(definition, events)
    .flatMap((observation) => decisions.process(observation).alerts)
    .filter((alert) => alert.status === 'opened')
}

describe.each(detectors.map((definition) => [definition.name, definition] as const))('%s', (name, definition) => {
  const anomalous = definition.example.anomalous()

  it('finds the subject of its own example', () => {
    expect(openedBy(definition, anomalous).map((alert) => alert.subject)).toEqual([definition.example.subject])
  })

  it('is silent on its benign example', () => {
    const benign = definition.example.benign()
    expect(benign.length).toBeGreaterThan(100)
    expect(openedBy(definition, benign)).toEqual([])
  })

  it('says the same to the same events', () => {
    expect(observations(definition, definition.example.anomalous())).toEqual(observations(definition, anomalous))
  })

  it('goes on from its encoded state as if nothing had happened, whenever that is', () => {
    const options = { seed: 'conformance', detectors: [definition] }
    // The last events, or all where nothing can be said without what was before them.
    const last = anomalous.slice(-600)
    const events = observations(definition, last).length > 0 ? last : anomalous
    const expected = observations(definition, events)
    expect(expected.length).toBeGreaterThan(0)
    let detection = createDetection(options)
    const actual: Observation[] = []
    events.forEach((event, index) => {
      actual.push(...detection.process(event), ...detection.advance(event.time))
      if (index % 7 !== 0) return
      const bytes = detection.snapshot()
      detection = createDetection(options)
      detection.restore(bytes)
      if (index % 49 === 0) expect(Buffer.from(detection.snapshot()).equals(Buffer.from(bytes))).toBe(true)
    })
    expect(actual).toEqual(expected)
  })

  it('does not change the events it is given', () => {
    const events = anomalous.slice(0, 300)
    const before = structuredClone(events)
    observations(definition, events)
    expect(events).toEqual(before)
  })

  it('takes attributes that vanish, turn up, or are not numbers, and never says what is not finite', () => {
    fc.assert(
      fc.property(broken, (events) => {
        for (const observation of observations(definition, events)) {
          expect(Number.isFinite(observation.score)).toBe(true)
          if (observation.pValue !== null) expect(observation.pValue >= 0 && observation.pValue <= 1).toBe(true)
          for (const value of Object.values(observation.evidence)) {
            if (typeof value === 'number') expect(Number.isFinite(value)).toBe(true)
          }
        }
      }),
      { numRuns: 60, seed: 3 },
    )
  })

  it('gives finite scores and p-values after the reference half too', () => {
    fc.assert(
      fc.property(broken, (events) => {
        const decisions = createDecisions({ falseIncidentsPerDay: 1, detectors: [definition] })
        for (const observation of observations(definition, [...anomalous.slice(0, 1500), ...events])) {
          const verdict = decisions.process(observation)
          expect(Number.isFinite(verdict.score)).toBe(true)
          if (verdict.pValue !== null) expect(verdict.pValue > 0 && verdict.pValue <= 1).toBe(true)
        }
      }),
      { numRuns: 5, seed: 4 },
    )
  })

  it('keeps no more subjects than it declares, and counts those that made room', () => {
    const few = { ...definition, maxSubjects: 10 }
    const detection = createDetection({ seed: 'conformance', detectors: [few] })
    for (const event of anomalous) detection.process(event)
    const { subjects, evicted } = detection.statistics()[name]
    expect(subjects).toBe(10)
    expect(evicted).toBeGreaterThan(0)
  })

  // Where there may be many subjects, most of them have hardly spoken.
  it.skipIf(definition.maxSubjects < 10_000)('keeps a small state for those who called less than ten times', () => {
    const detector = definition.build('conformance')
    const state = detector.create()
    for (const event of anomalous.filter((event) => event.kind !== 'call' || event.principal?.id === 'person-3').slice(0, 9)) {
      detector.update(state, event)
    }
    expect(detector.encode(state).length).toBeLessThan(800)
  })

  it('is documented where it is defined', () => {
    const file = new URL(`../../detectors/${definition.category}/${name}.ts`, import.meta.url)
    expect(existsSync(file)).toBe(true)
    const comment = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export const \w+ = defineDetector/.exec(readFileSync(file, 'utf8'))?.[1] ?? ''
    for (const part of ['Compared with:', 'Finds:', 'Misses:', 'Reference:']) expect(comment).toContain(part)
    expect(definition.title).toContain('{subject}')
  })
})

it('names are unique', () => {
  expect(new Set(detectors.map((definition) => definition.name)).size).toBe(detectors.length)
})
