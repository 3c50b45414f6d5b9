import { parseSecret, sign } from '../standard-webhooks.ts'
import { floodOf, floodTitle } from './flood.ts'
import type { FormatTarget, WebhookFormat } from './format.ts'
import { jsonRequest } from './requests.ts'

function signed(id: string, body: string, { url, secrets, now }: FormatTarget) {
  return jsonRequest(url, body, { ...sign(secrets.map(parseSecret), id, now, body) })
}

/** Standard Webhooks 1.0: the alert itself, signed with every secret that is valid now. */
export const standard: WebhookFormat = {
  alert: (alert, target) => signed(alert.id, JSON.stringify(alert), target),
  digest(id, alerts, target) {
    const flood = floodOf(alerts)
    const { listed, ...counts } = flood
    const incidents = listed.map(({ incident, status, severity, category, title, subject, time }) => {
      return { incident, status, severity, category, title, subject, time }
    })
    return signed(id, JSON.stringify({ type: 'digest', id, title: floodTitle(flood), ...counts, listed: incidents }), target)
  },
}
