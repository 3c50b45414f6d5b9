import type { Alert, Severity } from '../../decisions/alert.ts'
import { techniqueNames } from '../../decisions/tags.ts'
import { microsOf } from '../../telemetry/time.ts'
import type { WebhookFormat } from './format.ts'
import { bearer, jsonRequest } from './requests.ts'

/** OCSF 1.3 Detection Finding (class 2004, https://schema.ocsf.io/1.3.0/classes/detection_finding). Times are milliseconds since the epoch. */

const classUid = 2004
const activities = { opened: [1, 'Create'], updated: [2, 'Update'], resolved: [3, 'Close'] } as const
const severityIds: Readonly<Record<Severity, readonly [number, string]>> = {
  low: [2, 'Low'],
  medium: [3, 'Medium'],
  high: [4, 'High'],
  critical: [5, 'Critical'],
}

const millis = (isoTime: string) => Math.floor(microsOf(isoTime) / 1000)

function statusOf({ status, handling }: Alert): readonly [number, string] {
  if (status === 'resolved') return [4, 'Resolved']
  if (handling?.silenced !== undefined) return [3, 'Suppressed']
  return handling?.acknowledged === undefined ? [1, 'New'] : [2, 'In Progress']
}

function finding(alert: Alert) {
  const [activity_id, activity_name] = activities[alert.status]
  const [severity_id, severity] = severityIds[alert.severity]
  const [status_id, status] = statusOf(alert)
  const { tags, evidence, detector, detectors, subject, members, window, title } = alert
  return {
    class_uid: classUid,
    class_name: 'Detection Finding',
    category_uid: 2,
    category_name: 'Findings',
    activity_id,
    activity_name,
    type_uid: classUid * 100 + activity_id,
    type_name: `Detection Finding: ${activity_name}`,
    time: millis(alert.time),
    start_time: millis(window.start),
    end_time: millis(window.end),
    severity_id,
    severity,
    status_id,
    status,
    is_alert: alert.status !== 'resolved',
    message: title,
    metadata: {
      version: '1.3.0',
      uid: alert.id,
      product: { name: 'Tidewatch', vendor_name: 'Tidewatch' },
    },
    finding_info: {
      uid: alert.incident,
      title,
      desc: typeof evidence.summary === 'string' ? evidence.summary : title,
      types: [alert.category],
      created_time: millis(alert.opened),
      modified_time: millis(alert.time),
      first_seen_time: millis(window.start),
      last_seen_time: millis(window.end),
      analytic: { type_id: 3, type: 'Statistical', name: detector, uid: detector },
      related_analytics: detectors
        .filter((name) => name !== detector)
        .map((name) => ({ type_id: 3, type: 'Statistical', name, uid: name })),
      ...(tags.atlas.length === 0 ? {} : { attacks: tags.atlas.map((uid) => ({ technique: { uid, name: techniqueNames[uid] ?? uid } })) }),
    },
    resources: (members.length === 0 ? [subject] : members).map(({ kind, id }) => ({ uid: id, name: id, type: kind })),
    unmapped: { tidewatch: alert },
  }
}

export const ocsf: WebhookFormat = {
  alert: (alert, target) => jsonRequest(target.url, JSON.stringify(finding(alert)), bearer(target)),
  digest: (_id, alerts, target) => jsonRequest(target.url, JSON.stringify(alerts.map(finding)), bearer(target)),
}
