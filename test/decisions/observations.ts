import type { Standing } from '../../src/decisions/standing.ts'
import { defineDetector } from '../../src/detection/contract.ts'
import type { Observation } from '../../src/detection/observation.ts'
import { isoMicros } from '../../src/telemetry/time.ts'

export const start = Date.UTC(2026, 0, 5) * 1000
export const hour = 3.6e9
export const day = 24 * hour

/** A detector of the tests' own: only what the decide stage reads of a definition. */
export function plainDetector(name: string, weight = 1) {
  return defineDetector<null>({
    name,
    category: 'extraction',
    version: 1,
    title: '{subject} does something',
    consumes: [],
    maxSubjects: 1,
    quantity: { name: 'things', value: (score) => Math.exp(score) },
    leastSpread: 0.1,
    weight,
    effectFloor: 0,
    build: () => ({ subjects: () => [], create: () => null, update: () => null, encode: () => new Uint8Array(), decode: () => null }),
    example: { subject: { kind: 'principal', id: '' }, anomalous: () => [], benign: () => [] },
  })
}

let spans = 0

export function observation(change: Partial<Observation> & { id: string; at: number; score: number }): Observation {
  const { id, at, ...rest } = change
  return {
    time: start + at,
    detector: 'plain',
    category: 'extraction',
    subject: { kind: 'principal', id },
    members: [],
    population: 'production/model/principals',
    model: 'model',
    service: 'service',
    environment: 'production',
    run: null,
    pValue: null,
    ref: `span-${spans++}`,
    traceId: 'trace',
    metric: null,
    events: 10,
    firstSeen: start + at,
    lastSeen: start + at,
    samplingRatio: null,
    evidence: { things: 3 },
    sketch: null,
    ...rest,
  }
}

/** What is known of a subject of which one look at `time` (microseconds) told. */
export function standingAt(time: number): Standing {
  return {
    detector: 'plain',
    detectors: ['plain'],
    title: '{subject} does something',
    score: 9,
    threshold: 4,
    pValue: 1e-7,
    effect: 5,
    members: [],
    model: 'model',
    service: 'service',
    environment: 'production',
    run: null,
    firstSeen: time,
    lastSeen: time,
    events: 10,
    evidence: {
      summary: '',
      detectors: [],
      sawNothing: [],
      test: { level: 0.001, falseIncidentsPerDay: 1 },
      firstSeen: isoMicros(time),
      lastSeen: isoMicros(time),
      calls: [],
      samplingRatio: null,
      sampling: null,
      configuration: null,
    },
  }
}
