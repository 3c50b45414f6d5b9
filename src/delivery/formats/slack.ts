import type { Alert, Severity } from '../../decisions/alert.ts'
import { othersText } from '../../decisions/others.ts'
import { floodOf, floodTitle } from './flood.ts'
import type { FormatTarget, WebhookFormat } from './format.ts'
import { jsonRequest, shortened } from './requests.ts'

/**
 * Slack incoming webhooks with Block Kit (https://docs.slack.dev/reference/block-kit/blocks): a header holds at most 150 characters of plain
 * text, a section 3000, a field 2000, a message 50 blocks.
 */

const signs: Readonly<Record<Severity, string>> = {
  critical: ':red_circle:',
  high: ':large_orange_circle:',
  medium: ':large_yellow_circle:',
  low: ':white_circle:',
}

/** The characters that Slack's markup gives a meaning; subjects and titles come from telemetry and must not ping anybody or look like links. */
const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** Code, in which no markup counts. */
const code = (text: string) => `\`${escaped(shortened(text.replaceAll('`', "'"), 300))}\``

const section = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text: shortened(text, 3000) } })
const header = (text: string) => ({ type: 'header', text: { type: 'plain_text', text: shortened(text, 150), emoji: true } })
const field = (name: string, text: string) => ({ type: 'mrkdwn', text: `*${name}*\n${text}` })
const context = (text: string) => ({ type: 'context', elements: [{ type: 'mrkdwn', text: shortened(text, 2000) }] })

function post({ url, secrets }: FormatTarget, text: string, blocks: readonly object[]) {
  // The path of an incoming webhook is its secret.
  const whole = `${url.replace(/\/+$/, '')}/${(secrets[0] ?? '').replace(/^\/+/, '')}`
  return jsonRequest(whole, JSON.stringify({ text: shortened(text, 3000), blocks }))
}

function lead({ status, handling }: Alert): string {
  if (status === 'resolved') return ':white_check_mark: resolved'
  if (handling?.change !== undefined) return `:eyes: ${handling.change}`
  return status
}

export const slack: WebhookFormat = {
  alert(alert, target) {
    const { severity, category, title, subject, model, pValue, evidence, incident, tags, window } = alert
    const others = othersText(alert, 5, code)
    const related = (alert.related ?? []).map(({ incident: id }) => code(id))
    const summary = typeof evidence.summary === 'string' ? evidence.summary : ''
    return post(target, `${severity} ${category}, ${alert.status}: ${escaped(title)}`, [
      header(`${signs[severity]} ${severity} ${category}: ${lead(alert)}`),
      section(escaped(shortened(title, 1400)) + (summary === '' ? '' : `\n${escaped(shortened(summary, 1400))}`)),
      {
        type: 'section',
        fields: [
          field(subject.kind, code(subject.id)),
          field('model', model === null ? '—' : code(model)),
          field('seen', `${window.events} events, ${window.start.slice(0, 19)}Z to ${window.end.slice(0, 19)}Z`),
          field('by chance', pValue === null ? 'not stated' : `p = ${Number(pValue.toPrecision(2))}`),
          ...(others === null ? [] : [field('together with', shortened(others, 1900))]),
          ...(related.length === 0 ? [] : [field('see also', related.join(' '))]),
        ],
      },
      context(`${code(incident)}  ${escaped([...tags.atlas, ...tags.owasp].join(' '))}`),
    ])
  },
  digest(id, alerts, target) {
    const flood = floodOf(alerts)
    const lines = flood.listed
      .slice(0, 10)
      .map((alert) => `${signs[alert.severity]} ${alert.status}: ${escaped(shortened(alert.title, 200))}`)
    const more = flood.incidents - lines.length
    return post(target, floodTitle(flood), [
      header(`${signs[flood.worst]} ${flood.incidents} incidents`),
      section(floodTitle(flood)),
      section(lines.join('\n') + (more > 0 ? `\nand ${more} more` : '')),
      context(code(id)),
    ])
  },
}
