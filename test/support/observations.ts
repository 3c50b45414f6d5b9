import type { Observation } from '../../src/detection/observation.ts'

/** An observation about a principal, as a detector makes one, with what a test wants to be different. `time` in microseconds. */
export function makeObservation(time: number, changes: Partial<Observation> = {}): Observation {
  return {
    time,
    detector: 'query-shift',
    category: 'extraction',
    subject: { kind: 'principal', id: 'mallory' },
    members: [],
    population: 'p',
    model: null,
    service: '',
    environment: '',
    run: null,
    score: 0,
    pValue: 0.5,
    ref: '',
    traceId: null,
    metric: null,
    events: 1,
    firstSeen: time,
    lastSeen: time,
    samplingRatio: null,
    evidence: {},
    sketch: null,
    ...changes,
  }
}
