import type { Alert } from '../../src/decisions/alert.ts'

/** An alert as the pipeline makes one, with what a test wants to be different. */
export function makeAlert(changes: Partial<Alert> = {}): Alert {
  return {
    id: 'a-0001',
    incident: 'i-0001',
    status: 'opened',
    time: '2026-03-01T12:00:00.000000Z',
    opened: '2026-03-01T12:00:00.000000Z',
    detector: 'query-shift',
    detectors: ['query-shift'],
    category: 'extraction',
    severity: 'high',
    title: 'Queries of mallory are unlike the traffic of ticket-router',
    subject: { kind: 'principal', id: 'mallory' },
    members: [{ kind: 'principal', id: 'mallory' }],
    model: 'ticket-router',
    service: 'gateway',
    environment: 'production',
    run: null,
    window: { start: '2026-03-01T11:00:00.000000Z', end: '2026-03-01T12:00:00.000000Z', events: 412 },
    score: 9.4,
    threshold: 4,
    pValue: 0.0000031,
    evidence: { calls: 412, 'typical calls': 18, shift: 9.4 },
    tags: { atlas: ['AML.T0024.002'], owasp: ['LLM10'] },
    ...changes,
  }
}
