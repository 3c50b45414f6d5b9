import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import type { Alert } from '../../../src/decisions/alert.ts'
import { type FormatTarget, formats } from '../../../src/delivery/formats/format.ts'
import { makeAlert } from '../../support/alerts.ts'
import { alertmanagerAlerts, ocsfFinding, pagerdutyEvent, slackMessage } from './contracts.ts'

const signing = [1, 2].map((fill) => `whsec_${Buffer.alloc(32, fill).toString('base64')}`)
const target = (secrets: readonly string[], url = 'https://receiver.example/path'): FormatTarget => ({ url, secrets, now: 1_772_366_400 })
const routingKey = 'R'.repeat(32)

const acted = { by: 'ops', time: '2026-03-01T12:30:00.000000Z' }
const long = 'x'.repeat(5000)

/** Everything that changes a request: each status, each severity, long and hostile texts, and what may be absent. */
const alerts: readonly Alert[] = [
  makeAlert(),
  makeAlert({ status: 'updated', severity: 'critical', evidence: { summary: 'seen 5, expected 1' } }),
  makeAlert({ status: 'updated', handling: { change: 'acknowledged', acknowledged: acted } }),
  makeAlert({ status: 'resolved', severity: 'low', time: '2026-03-02T12:00:00.000000Z' }),
  makeAlert({
    severity: 'medium',
    model: null,
    service: null,
    environment: null,
    run: 'run-7',
    pValue: null,
    tags: { atlas: [], owasp: [] },
  }),
  makeAlert({
    title: `${long} <!channel> & <https://evil.example|click>`,
    subject: { kind: 'principal', id: `\`<@U1>\`${long}` },
    members: Array.from({ length: 400 }, (_, n) => ({ kind: 'principal' as const, id: `user-${n}` })),
    evidence: { summary: `${long} <@U2>` },
  }),
  makeAlert({
    title: 'Flood at model ticket-router: 500 subjects at once, 5 of them with incidents of their own',
    subject: { kind: 'fleet', id: 'ticket-router' },
    members: [
      { kind: 'fleet', id: 'ticket-router' },
      ...Array.from({ length: 100 }, (_, n) => ({ kind: 'principal' as const, id: `user-${n}` })),
    ],
    evidence: { summary: '495 subjects', flood: { members: 495, named: 100, singles: 5 } },
    related: Array.from({ length: 20 }, (_, n) => ({ incident: `inc_${n}`, subject: { kind: 'principal' as const, id: `first-${n}` } })),
  }),
]
const crowd = alerts.at(-1)!

const flood = Array.from({ length: 130 }, (_, n) =>
  makeAlert({ id: `a-${n}`, incident: `i-${n % 120}`, severity: n === 77 ? 'critical' : 'low', status: n < 120 ? 'opened' : 'updated' }),
)

describe('standard webhooks', () => {
  it('carries the alert as it is, with a signature of each secret', () => {
    const request = formats.standard.alert(alerts[0]!, { ...target(signing), now: Date.now() / 1000 })
    expect(request.body).toBe(JSON.stringify(alerts[0]))
    for (const secret of signing) expect(new Webhook(secret).verify(request.body, { ...request.headers })).toEqual(alerts[0])
  })

  it('tells a flood in numbers and names its incidents, the worst first', () => {
    const body = JSON.parse(formats.standard.digest('digest_1', flood, target(signing)).body)
    expect(body).toMatchObject({
      type: 'digest',
      id: 'digest_1',
      changes: 130,
      incidents: 120,
      counts: { opened: 120, updated: 10, resolved: 0 },
      severities: { critical: 1, high: 0, medium: 0, low: 119 },
      worst: 'critical',
    })
    expect(body.listed).toHaveLength(100)
    expect(body.listed[0]).toMatchObject({ incident: 'i-77', severity: 'critical' })
  })
})

describe('Slack', () => {
  const place = target(['T000/B000/XXXX'], 'https://hooks.slack.com/services')

  it.each(alerts.map((alert, n) => [n, alert] as const))('reads alert %i', (_, alert) => {
    const request = formats.slack.alert(alert, place)
    expect(request.url).toBe('https://hooks.slack.com/services/T000/B000/XXXX')
    slackMessage.parse(JSON.parse(request.body))
  })

  it('gives no text of telemetry a meaning', () => {
    const { body } = formats.slack.alert(alerts.at(-2)!, place)
    expect(body).not.toMatch(/<[@!h]/)
    expect(JSON.parse(body).blocks[2].fields[0].text).toMatch(/^\*principal\*\n`'&lt;@U1&gt;'x+…`$/)
  })

  it('reads a digest', () => {
    const message = slackMessage.parse(JSON.parse(formats.slack.digest('digest_1', flood, place).body))
    expect(message.text).toBe('130 changes of 120 incidents at once: 120 opened, 10 updated')
  })
})

describe('PagerDuty', () => {
  const send = (alert: Alert) => pagerdutyEvent.parse(JSON.parse(formats.pagerduty.alert(alert, target([routingKey])).body))

  it.each(alerts.map((alert, n) => [n, alert] as const))('reads alert %i', (_, alert) => {
    expect(send(alert).dedup_key).toBe(alert.incident)
    expect(formats.pagerduty.alert(alert, target([routingKey])).body.length).toBeLessThan(512 * 1024)
  })

  it('opens and updates, acknowledges and resolves one alert', () => {
    expect(alerts.slice(0, 4).map((alert) => send(alert).event_action)).toEqual(['trigger', 'trigger', 'acknowledge', 'resolve'])
    const severities = (['critical', 'high', 'medium', 'low'] as const).map((severity) => send(makeAlert({ severity })))
    expect(severities.map((event) => event.event_action === 'trigger' && event.payload.severity)).toEqual([
      'critical',
      'error',
      'warning',
      'info',
    ])
  })

  it('tells a flood as one alert, but never the end of one', () => {
    const event = pagerdutyEvent.parse(JSON.parse(formats.pagerduty.digest('digest_1', flood, target([routingKey])).body))
    expect(event).toMatchObject({ event_action: 'trigger', dedup_key: 'digest_1', payload: { severity: 'critical' } })
    expect([formats.pagerduty.digests!(alerts[0]!), formats.pagerduty.digests!(alerts[3]!)]).toEqual([true, false])
  })
})

describe('Alertmanager', () => {
  const send = (alert: Alert) => alertmanagerAlerts.parse(JSON.parse(formats.alertmanager.alert(alert, target([])).body))

  it.each(alerts.map((alert, n) => [n, alert] as const))('reads alert %i', (_, alert) => {
    expect(send(alert)[0]!.labels).toMatchObject({ incident: alert.incident, severity: alert.severity })
  })

  it('keeps one set of labels for an incident and severity, ends what became worse, and ends all with the incident', () => {
    const opened = send(makeAlert({ severity: 'low' }))
    const worse = send(makeAlert({ status: 'updated', severity: 'medium', time: '2026-03-01T13:00:00.000000Z' }))
    const over = send(makeAlert({ status: 'resolved', severity: 'medium', time: '2026-03-02T13:00:00.000000Z' }))
    expect(worse.map(({ labels, endsAt }) => [labels.severity, endsAt])).toEqual([
      ['medium', '2026-03-31T13:00:00.000Z'],
      ['low', '2026-03-01T13:00:00.000Z'],
    ])
    expect(worse[1]!.labels).toEqual(opened[0]!.labels)
    expect(over[0]!.labels).toEqual(worse[0]!.labels)
    expect(over.map(({ endsAt }) => endsAt)).toEqual(['2026-03-02T13:00:00.000Z', '2026-03-02T13:00:00.000Z'])
    expect(new Set([...opened, ...worse, ...over].map(({ startsAt }) => startsAt))).toEqual(new Set(['2026-03-01T12:00:00.000Z']))
  })

  it('sends a bearer token where there is one, and a flood as the list that it is', () => {
    expect(formats.alertmanager.alert(alerts[0]!, target([])).headers.authorization).toBeUndefined()
    expect(formats.alertmanager.alert(alerts[0]!, target(['token'])).headers.authorization).toBe('Bearer token')
    const list = alertmanagerAlerts.parse(JSON.parse(formats.alertmanager.digest('digest_1', flood, target([])).body))
    expect(new Set(list.map(({ labels }) => labels.incident)).size).toBe(120)
  })
})

describe('OCSF', () => {
  const send = (alert: Alert) => ocsfFinding.parse(JSON.parse(formats.ocsf.alert(alert, target([])).body))

  it.each(alerts.map((alert, n) => [n, alert] as const))('reads alert %i', (_, alert) => {
    const finding = send(alert)
    expect(finding.finding_info.uid).toBe(alert.incident)
    expect(finding.unmapped.tidewatch).toEqual(alert)
  })

  it('creates, updates and closes a finding, and says what people did about it', () => {
    const silenced = makeAlert({ status: 'updated', handling: { silenced: { ...acted, until: '2026-04-01T00:00:00.000000Z' } } })
    expect([alerts[0]!, alerts[2]!, silenced, alerts[3]!].map((alert) => [send(alert).type_uid, send(alert).status_id])).toEqual([
      [200401, 1],
      [200402, 2],
      [200402, 3],
      [200403, 4],
    ])
  })

  it('sends a flood as a list of findings', () => {
    const list = JSON.parse(formats.ocsf.digest('digest_1', flood, target(['token'])).body)
    expect(list).toHaveLength(130)
    for (const finding of list) ocsfFinding.parse(finding)
  })
})

it('every format says how many a flood is about, names some of them, and refers to the incidents that it began with', () => {
  for (const [name, format] of Object.entries(formats)) {
    const { body } = format.alert(crowd, target(name === 'standard' ? signing : ['secret']))
    for (const told of ['495', 'user-4', 'inc_3']) expect(body, name).toContain(told)
  }
  const fields = JSON.parse(formats.slack.alert(crowd, target(['s'])).body).blocks[2].fields.map(({ text }: { text: string }) => text)
  expect(fields[4]).toBe(`*together with*\n${[0, 1, 2, 3, 4].map((n) => `principal \`user-${n}\``).join(', ')} and 490 more`)
})

it('makes the same body of the same alert whenever it is sent', () => {
  for (const [name, format] of Object.entries(formats)) {
    const secrets = name === 'standard' ? signing : ['secret']
    const bodies = [1, 2].map((now) => format.alert(alerts[1]!, { ...target(secrets), now }).body)
    expect(bodies[0]).toBe(bodies[1])
  }
})
