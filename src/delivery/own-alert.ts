import { createHash } from 'node:crypto'
import type { Alert } from '../decisions/alert.ts'

/** What such alerts name as their detector. */
export const OWN_DETECTOR = 'webhook-delivery'

/**
 * The alert that a receiver gave up on a webhook, for the other receivers: one a receiver and day (UTC). What receivers answer is not in the log, so
 * this is no row of `alerts` and no part of what a replay of the log says; it goes through the outbox only. `now` in milliseconds.
 */
export function givenUpAlert(target: string, reason: string, now: number): Alert {
  const day = new Date(now).toISOString().slice(0, 10)
  const time = `${day}T00:00:00.000000Z`
  const name = createHash('sha256')
    .update(JSON.stringify(['given-up', target, day]))
    .digest('hex')
    .slice(0, 24)
  const subject = { kind: 'service', id: 'tidewatch' } as const
  return {
    id: `alert_${name}`,
    incident: `inc_${name}`,
    status: 'opened',
    time,
    opened: time,
    detector: OWN_DETECTOR,
    detectors: [OWN_DETECTOR],
    category: 'signal',
    severity: 'high',
    title: `The webhook receiver ${target} does not take alerts: one was given up`,
    subject,
    members: [subject],
    model: null,
    service: null,
    environment: null,
    run: null,
    window: { start: time, end: time, events: 0 },
    score: 0,
    threshold: null,
    pValue: null,
    evidence: { summary: `${target}: ${reason}`, day },
    tags: { atlas: [], owasp: [] },
  }
}
