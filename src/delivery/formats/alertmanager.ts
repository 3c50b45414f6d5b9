import type { Alert, Severity } from '../../decisions/alert.ts'
import { othersText } from '../../decisions/others.ts'
import { microsOf } from '../../telemetry/time.ts'
import type { WebhookFormat } from './format.ts'
import { bearer, jsonRequest, shortened } from './requests.ts'

/**
 * Prometheus Alertmanager, POST /api/v2/alerts (its api/v2/openapi.yaml): a list of alerts, each known by its labels. Severity is a label,
 * since routes match on it; so an incident that became worse is another alert there, and the one of the severity before is ended in the
 * same request.
 */

const rising: readonly Severity[] = ['low', 'medium', 'high', 'critical']

/** What has no end is taken for over after some minutes; an incident's end is told, whenever it comes. */
const openMillis = 30 * 86_400_000

const iso = (micros: number) => new Date(Math.floor(micros / 1000)).toISOString()

function entry(alert: Alert, severity: Severity, endsAt: string) {
  const { incident, category, subject, model, service, environment, run, title, evidence, tags } = alert
  const optional = Object.entries({ model, service, environment, run }).filter((pair): pair is [string, string] => pair[1] !== null)
  return {
    labels: {
      alertname: 'TidewatchIncident',
      severity,
      category,
      incident,
      subject_kind: subject.kind,
      subject: subject.id,
      ...Object.fromEntries(optional),
    },
    annotations: {
      summary: shortened(title, 1000),
      description: typeof evidence.summary === 'string' ? evidence.summary : '',
      detectors: alert.detectors.join(', '),
      together_with: shortened(othersText(alert, 20) ?? '', 2000),
      related: (alert.related ?? []).map((other) => other.incident).join(', '),
      p_value: alert.pValue === null ? '' : String(alert.pValue),
      tags: [...tags.atlas, ...tags.owasp].join(', '),
    },
    startsAt: iso(microsOf(alert.opened)),
    endsAt,
  }
}

function entries(alert: Alert) {
  const now = iso(microsOf(alert.time))
  const open = iso(microsOf(alert.time) + openMillis * 1000)
  const before = rising.slice(0, rising.indexOf(alert.severity))
  return [
    entry(alert, alert.severity, alert.status === 'resolved' ? now : open),
    ...(alert.status === 'opened' ? [] : before.map((severity) => entry(alert, severity, now))),
  ]
}

export const alertmanager: WebhookFormat = {
  alert: (alert, target) => jsonRequest(target.url, JSON.stringify(entries(alert)), bearer(target)),
  // Nothing is summed up: a list is what it reads anyway.
  digest: (_id, alerts, target) => jsonRequest(target.url, JSON.stringify(latest(alerts).flatMap(entries)), bearer(target)),
}

function latest(alerts: readonly Alert[]): Alert[] {
  return [...new Map(alerts.map((alert) => [alert.incident, alert])).values()]
}
