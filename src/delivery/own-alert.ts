import type { Alert } from '../decisions/alert.ts'
import { digest } from '../decisions/digest.ts'
import type { Gap } from '../sources/kafka/places.ts'
import { isoMicros } from '../telemetry/time.ts'

/** What alerts about receivers that do not listen name as their detector. */
export const OWN_DETECTOR = 'webhook-delivery'

/** What Tidewatch says of itself: nothing was measured, so there is no score. */
type Own = Pick<Alert, 'id' | 'incident' | 'status' | 'time' | 'detector' | 'category' | 'severity' | 'title' | 'evidence'>

/** An alert that no detector caused: about Tidewatch, opened when it speaks. */
export function ownAlert(own: Own): Alert {
  const { id, incident, status, time, detector, category, severity, title, evidence } = own
  const subject = { kind: 'service', id: 'tidewatch' } as const
  return {
    id,
    incident,
    status,
    time,
    opened: time,
    detector,
    detectors: [detector],
    category,
    severity,
    title,
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
    evidence,
    tags: { atlas: [], owasp: [] },
  }
}

/** An alert about Tidewatch that something is wrong; `name` tells it from others and makes its ids. */
function trouble({ name, ...said }: Pick<Own, 'time' | 'detector' | 'title' | 'evidence'> & { readonly name: string }): Alert {
  return ownAlert({ id: `alert_${name}`, incident: `inc_${name}`, status: 'opened', category: 'signal', severity: 'high', ...said })
}

/**
 * The alert that a receiver gave up on a webhook, for the other receivers: one a receiver and day (UTC). What receivers answer is not in the log, so
 * this is no row of `alerts` and no part of what a replay of the log says; it goes through the outbox only. `now` in milliseconds.
 */
export function givenUpAlert(target: string, reason: string, now: number): Alert {
  const day = new Date(now).toISOString().slice(0, 10)
  const name = digest('given-up', target, day)
  return trouble({
    name,
    time: `${day}T00:00:00.000000Z`,
    detector: OWN_DETECTOR,
    title: `The webhook receiver ${target} does not take alerts: one was given up`,
    evidence: { summary: `${target}: ${reason}`, day },
  })
}

/** What alerts about data that were dropped before their time name as their detector. */
const DATA_DETECTOR = 'data-folder'

/**
 * The alert that data were dropped before their retention was over: one a day (UTC), told like a receiver that was given up, and no part of the log for the
 * same reason. `until` in seconds, `now` in milliseconds.
 */
export function dataDroppedAlert(
  dropped: readonly { readonly table: string; readonly until: number; readonly bytes: number }[],
  now: number,
): Alert {
  const day = new Date(now).toISOString().slice(0, 10)
  const name = digest('data-dropped', day)
  const until = new Map<string, number>()
  for (const { table, until: last } of dropped) until.set(table, Math.max(until.get(table) ?? 0, last))
  const told = [...until].map(([table, last]) => `${table} stored up to ${new Date(last * 1000).toISOString()}`)
  const bytes = dropped.reduce((sum, step) => sum + step.bytes, 0)
  return trouble({
    name,
    time: `${day}T00:00:00.000000Z`,
    detector: DATA_DETECTOR,
    title: 'Data were dropped before their time: the data folder reached data.maxBytes',
    evidence: { summary: `dropped: ${told.join('; ')}`, bytes, day },
  })
}

/**
 * The alert that a producer does not key its records as it was said to (`kafka.routing: false`): one a topic and day (UTC) of event time. What decide
 * says, and so a row of `alerts`. `time` in microseconds.
 */
export function keyingAlert(topic: string, subject: string, partitions: readonly number[], time: number): Alert {
  const day = isoMicros(time).slice(0, 10)
  const name = digest('keying', topic, day)
  return trouble({
    name,
    time: isoMicros(time),
    detector: 'keying',
    title: `Records of ${topic} are not keyed by who calls: what belongs together is watched apart`,
    evidence: {
      summary: `${subject} was seen in partitions ${partitions.join(' and ')} of ${topic}. Key the records by principal, or set kafka.routing: true.`,
      day,
    },
  })
}

/**
 * The alert that telemetry is gone that was never read: what is not in the log is in no alert of a detector. As `givenUpAlert` it goes through the
 * outbox only. `now` in milliseconds.
 */
export function lostRecordsAlert({ topic, partition, reason, from, to, records }: Gap, now: number): Alert {
  const name = digest('lost-records', topic, String(partition), reason, String(from), String(to))
  const amount = records === null ? 'an unknown number of records' : `${records} records`
  const why = reason === 'retention' ? 'the topic no longer held them' : 'the topic was made again'
  return trouble({
    name,
    time: isoMicros(now * 1000),
    detector: 'lost-records',
    title: `${amount} of ${topic}/${partition} are gone and were never looked at`,
    evidence: {
      summary: `${amount} before offset ${to} of ${topic}/${partition} were never read: ${why}. What happened in them is not known.`,
      from,
      to,
      records,
    },
  })
}
