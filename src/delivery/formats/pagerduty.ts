import type { Alert, Severity } from '../../decisions/alert.ts'
import { othersIn } from '../../decisions/others.ts'
import { floodOf, floodTitle } from './flood.ts'
import type { FormatTarget, WebhookFormat } from './format.ts'
import { jsonRequest, shortened } from './requests.ts'

/**
 * PagerDuty Events API v2 (https://developer.pagerduty.com/docs/events-api-v2/trigger-events): the incident is the deduplication key, so that
 * opening, updates and the end are one alert there. A summary holds at most 1024 characters.
 */

const severities: Readonly<Record<Severity, string>> = { critical: 'critical', high: 'error', medium: 'warning', low: 'info' }

type Event = Readonly<Record<string, unknown>>

function enqueue({ url, secrets }: FormatTarget, event: Event) {
  return jsonRequest(url, JSON.stringify({ routing_key: secrets[0] ?? '', ...event }))
}

function actionOf({ status, handling }: Alert): 'trigger' | 'acknowledge' | 'resolve' {
  if (status === 'resolved') return 'resolve'
  return handling?.change === 'acknowledged' ? 'acknowledge' : 'trigger'
}

export const pagerduty: WebhookFormat = {
  alert(alert, target) {
    const event_action = actionOf(alert)
    const dedup_key = alert.incident
    if (event_action !== 'trigger') return enqueue(target, { event_action, dedup_key })
    const { title, service, subject, severity, time, model, category, detector, detectors, pValue, window, evidence, tags, members } = alert
    return enqueue(target, {
      event_action,
      dedup_key,
      client: 'Tidewatch',
      payload: {
        summary: shortened(title, 1024),
        source: service ?? `${subject.kind} ${subject.id}`,
        severity: severities[severity],
        timestamp: time,
        component: model ?? subject.id,
        group: category,
        class: detector,
        custom_details: {
          incident: alert.incident,
          severity,
          summary: evidence.summary ?? '',
          subject,
          // Events of more than 512 KB are refused.
          members: members.slice(0, 50),
          others: othersIn(alert).count,
          related: (alert.related ?? []).map(({ incident }) => incident),
          detectors,
          pValue,
          window,
          tags,
        },
      },
    })
  },
  // A summary would leave them open there.
  digests: ({ status }) => status !== 'resolved',
  digest(id, alerts, target) {
    const flood = floodOf(alerts)
    return enqueue(target, {
      event_action: 'trigger',
      dedup_key: id,
      client: 'Tidewatch',
      payload: {
        summary: shortened(floodTitle(flood), 1024),
        source: 'tidewatch',
        severity: severities[flood.worst],
        timestamp: flood.time,
        class: 'flood',
        custom_details: {
          severities: flood.severities,
          incidents: flood.listed.map(({ incident, status, title }) => ({ incident, status, title: shortened(title, 300) })),
        },
      },
    })
  },
}
