import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Alert } from '../../src/decisions/alert.ts'
import { TidewatchError } from '../../src/errors.ts'
import { createServer, type Server } from '../../src/server/app.ts'
import type { ServerDeps } from '../../src/server/deps.ts'
import {
  alertSchema,
  deadLetterSchema,
  deliverySchema,
  detectorSchema,
  page,
  problemSchema,
  statusSchema,
} from '../../src/server/schemas.ts'
import { deadLetterRow } from '../../src/store/rows.ts'
import type { DeadLetter } from '../../src/telemetry/dead-letter.ts'
import { makeAlert } from '../support/alerts.ts'
import { type EmbeddedStore, openEmbeddedStore } from '../support/embedded-store.ts'
import { idle, makeDeps, serverConfig, storeAlerts, TOKENS } from './fixture.ts'

let embedded: EmbeddedStore
let server: Server

beforeAll(async () => {
  embedded = await openEmbeddedStore()
})

afterAll(() => embedded.close())

beforeEach(async () => {
  await embedded.truncate('alerts', 'incidents', 'webhook_deliveries', 'dead_letters')
  server = createServer(serverConfig(), makeDeps(embedded.store))
})

afterEach(() => server.close())

async function get(url: string, headers: Record<string, string> = {}) {
  const response = await server.app.inject({ url, headers })
  return { status: response.statusCode, headers: response.headers, text: response.body, json: () => JSON.parse(response.body) }
}

async function restart(deps: Partial<ServerDeps>, config: object = {}): Promise<void> {
  await server.close()
  server = createServer(serverConfig(config), makeDeps(embedded.store, deps))
}

const second = (n: number) => `2026-03-01T12:00:${String(n).padStart(2, '0')}.000001Z`

describe('/api/v1/alerts', () => {
  it('answers the stored bytes, newest first, page by page without a gap or a repeat', async () => {
    // Several alerts share a microsecond: a page may end between them.
    const alerts = Array.from({ length: 23 }, (_, n) =>
      makeAlert({ id: `a-${String(n).padStart(2, '0')}`, time: second(Math.floor(n / 5)) }),
    )
    await storeAlerts(embedded.store, alerts)
    const seen: string[] = []
    let before = ''
    do {
      const { text, json } = await get(`/api/v1/alerts?limit=4${before}`)
      const { items, next } = page(alertSchema).parse(json())
      expect(items.length).toBeLessThanOrEqual(4)
      for (const item of items) expect(text).toContain(JSON.stringify(alerts.find((alert) => alert.id === item.id)))
      seen.push(...items.map((item) => item.id))
      before = next === null ? '' : `&before=${next}`
    } while (before !== '')
    expect(seen).toEqual(alerts.map((alert) => alert.id).reverse())
  })

  it('counts a row that was written twice once', async () => {
    const alert = makeAlert()
    await storeAlerts(embedded.store, [alert])
    await storeAlerts(embedded.store, [alert, makeAlert({ id: 'a-2' })])
    expect((await get('/api/v1/alerts')).json().items).toHaveLength(2)
  })

  it('filters by category, status, severity, subject and time', async () => {
    await storeAlerts(embedded.store, [
      makeAlert({ id: 'one' }),
      makeAlert({ id: 'two', category: 'poisoning', time: second(1) }),
      makeAlert({ id: 'three', severity: 'low', time: second(2) }),
      makeAlert({ id: 'four', status: 'resolved', subject: { kind: 'principal', id: "o'brien" }, time: second(3) }),
    ])
    const ids = async (query: string) => (await get(`/api/v1/alerts?${query}`)).json().items.map((alert: Alert) => alert.id)
    expect(await ids('category=poisoning')).toEqual(['two'])
    expect(await ids('severity=low')).toEqual(['three'])
    expect(await ids('status=resolved')).toEqual(['four'])
    expect(await ids("subject=o'brien")).toEqual(['four'])
    expect(await ids('subject=%27%20OR%201%3D1%20--')).toEqual([])
    expect(await ids(`since=${second(2)}`)).toEqual(['four', 'three'])
    expect(await ids('since=2026-03-01T13:00:03%2B01:00')).toEqual(['four'])
  })

  it.each([
    ['limit=0', 'limit'],
    ['limit=501', 'limit'],
    ['category=theft', 'category'],
    ['since=yesterday', 'since'],
    ['before=nonsense', 'before'],
    ['colour=red', 'colour'],
  ])('refuses ?%s with 400 and says which', async (query, name) => {
    const { status, json } = await get(`/api/v1/alerts?${query}`)
    expect(status).toBe(400)
    expect(json().error.code).toBe('TW_REQUEST_INVALID')
    expect(json().error.message).toContain(name)
  })
})

describe('/api/v1/incidents', () => {
  const changes = [
    makeAlert({ id: 'a-1', severity: 'medium' }),
    makeAlert({ id: 'a-2', status: 'updated', time: second(5) }),
    makeAlert({ id: 'b-1', incident: 'i-2', time: second(3) }),
    makeAlert({ id: 'a-3', status: 'resolved', time: second(5) }),
  ]

  it('answers the newest change of each, last changed first; filters speak of that change', async () => {
    await storeAlerts(embedded.store, changes)
    const ids = async (query: string) => (await get(`/api/v1/incidents${query}`)).json().items.map((alert: Alert) => alert.id)
    expect(await ids('')).toEqual(['a-3', 'b-1'])
    expect(await ids('?status=opened')).toEqual(['b-1'])
    expect(await ids('?severity=medium')).toEqual([])
    const { next } = (await get('/api/v1/incidents?limit=1')).json()
    expect(await ids(`?limit=1&before=${next}`)).toEqual(['b-1'])
  })

  it('answers one with all its changes, oldest first, and 404 for one that is not there', async () => {
    await storeAlerts(embedded.store, changes)
    const { incident, alerts } = (await get('/api/v1/incidents/i-0001')).json()
    expect(incident).toEqual(changes[3])
    expect(alerts.map((alert: Alert) => alert.id)).toEqual(['a-1', 'a-2', 'a-3'])
    const missing = await get('/api/v1/incidents/i-9')
    expect(missing.status).toBe(404)
    expect(missing.json().error.code).toBe('TW_NOT_FOUND')
  })
})

describe('the pipeline', () => {
  it('tells its status, with problems of the source, the store and the webhooks', async () => {
    await restart({
      status: () => ({
        ...idle,
        events: 1_234,
        watermark: 1_772_366_400_000_001,
        lag: [{ topic: 'otlp_spans', partition: 3, records: 9 }],
        problems: [{ component: 'kafka', reason: 'no broker answers', blocking: true }],
      }),
      webhooks: () => [{ target: 'pager', waiting: 2, more: false, failures: 4, lastFailure: 'HTTP 503', dead: 0 }],
    })
    const status = statusSchema.parse((await get('/api/v1/status')).json())
    expect(status).toMatchObject({ events: 1_234, watermark: '2026-03-01T12:00:00.000001Z', store: 'chdb' })
    expect(status.readiness.budget).toMatchObject({ perDay: 1, day: '2026-03-04', spent: { extraction: 0.25 } })
    expect(status.readiness.detectors).toEqual([
      {
        name: 'query-shift',
        category: 'extraction',
        enabled: true,
        populations: 2,
        armed: 1,
        waiting: [{ population: 'prod/code', lacks: '28 more subjects' }],
      },
    ])
    expect(status.problems.map((problem) => [problem.component, problem.blocking])).toEqual([
      ['kafka', true],
      ['webhooks', false],
    ])
  })

  it('lists detectors, deliveries in their newest state, and dead letters', async () => {
    await storeAlerts(embedded.store, [makeAlert()])
    const base = { id: 'a-0001', target: 'pager', incident: 'i-0001', created: 1_772_366_400_000_000, ordinal: 0, body: '' }
    await embedded.store.insert(
      'webhook_deliveries',
      [{ ...base, state: 'attempted', attempt: 1, updated: 2e15, http_status: 503, reason: 'HTTP 503' }],
      'x',
    )
    await embedded.store.insert(
      'webhook_deliveries',
      [{ ...base, state: 'delivered', attempt: 2, updated: 2e15, http_status: 204, reason: '' }],
      'y',
    )
    const letter: DeadLetter = {
      topic: 'otlp_spans',
      epoch: 'e',
      partition: 0,
      offset: 12,
      index: 0,
      time: 1_772_366_400_000_000,
      code: 'TW_TELEMETRY_TRUNCATED',
      reason: 'cut',
      signal: 'traces',
      bytes: new Uint8Array([1, 2, 3]),
      size: 3,
    }
    await embedded.store.insert('dead_letters', [letter, { ...letter, offset: 13 }].map(deadLetterRow), 'letters')

    expect(detectorSchema.parse((await get('/api/v1/detectors')).json().items[0]).name).toBe('query-shift')
    const deliveries = page(deliverySchema).parse((await get('/api/v1/webhooks/deliveries')).json())
    expect(deliveries.items).toMatchObject([
      { id: 'a-0001', state: 'delivered', attempts: 2, httpStatus: 204, created: '2026-03-01T12:00:00.000000Z' },
    ])
    expect((await get('/api/v1/webhooks/deliveries?state=pending')).json().items).toEqual([])
    const letters = page(deadLetterSchema).parse((await get('/api/v1/dead-letters?limit=1')).json())
    expect(letters.items).toMatchObject([{ offset: 13, code: 'TW_TELEMETRY_TRUNCATED', size: 3 }])
    expect((await get(`/api/v1/dead-letters?limit=1&before=${letters.next}`)).json()).toMatchObject({ items: [{ offset: 12 }], next: null })
  })
})

describe('health', () => {
  it('is alive and ready, and not ready with the reasons when a source or the store blocks', async () => {
    expect((await get('/healthz')).json()).toEqual({ alive: true })
    expect(await get('/readyz').then(({ status, json }) => [status, json()])).toEqual([200, { ready: true, problems: [] }])
    await restart({
      store: { engine: 'chdb', insert: async () => {}, query: async () => [], ping: async () => Promise.reject(new Error('away')) },
    })
    const { status, json } = await get('/readyz')
    expect(status).toBe(503)
    expect(problemSchema.parse(json().problems[0]).component).toBe('store')
    expect((await get('/healthz')).status).toBe(200)
  })

  it('stays ready when a webhook receiver refuses, and tells it', async () => {
    await restart({ webhooks: () => [{ target: 'pager', waiting: 2, more: true, failures: 4, lastFailure: 'HTTP 503', dead: 0 }] })
    const { status, json } = await get('/readyz')
    expect(status).toBe(200)
    expect(json().problems[0].reason).toMatch(/pager: 2 or more not delivered.*HTTP 503/)
  })

  it('answers metrics in the Prometheus text format', async () => {
    const { headers, text } = await get('/metrics')
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(text).toContain('tidewatch_events_total')
  })

  it('answers 503 for lists while the store is away, and tells nothing of unexpected errors', async () => {
    const failing = (error: Error) => ({
      engine: 'chdb' as const,
      insert: async () => {},
      query: () => Promise.reject(error),
      ping: async () => false,
    })
    await restart({ store: failing(new TidewatchError('TW_STORE_UNAVAILABLE', 'connection refused')) })
    expect((await get('/api/v1/alerts')).status).toBe(503)
    await restart({ store: failing(new Error('password=hunter2')) })
    const { status, text } = await get('/api/v1/alerts')
    expect(status).toBe(500)
    expect(text).toContain('TW_INTERNAL')
    expect(text).not.toContain('hunter2')
  })
})

describe('who may ask', () => {
  it('refuses to start where it can be reached from outside without tokens', () => {
    const open = { ...serverConfig(), host: '0.0.0.0' }
    expect(() => createServer(open, makeDeps(embedded.store))).toThrow(expect.objectContaining({ code: 'TW_CONFIG_INVALID' }))
  })

  it('asks for a token when there are tokens, but not for health', async () => {
    await restart({}, { host: '0.0.0.0', tokens: TOKENS })
    for (const [authorization, status] of [
      ['', 401],
      ['Bearer wrong-token-0123456789', 401],
      [`Basic ${TOKENS[0].token}`, 401],
      [`Bearer ${TOKENS[0].token}`, 200],
      [`bearer ${TOKENS[1].token}`, 200],
    ] as const) {
      expect((await get('/api/v1/alerts', { authorization })).status).toBe(status)
    }
    expect((await get('/api/v1/alerts')).headers['www-authenticate']).toBe('Bearer')
    expect((await get('/metrics')).status).toBe(401)
    expect((await get('/healthz')).status).toBe(200)
    expect((await get('/readyz')).status).toBe(200)
  })

  it('without tokens answers to loopback names only, so that a foreign name pointed at 127.0.0.1 gets nothing', async () => {
    expect((await get('/api/v1/alerts', { host: 'evil.example' })).status).toBe(401)
    for (const host of ['localhost:8686', '127.0.0.1:8686', '[::1]:8686']) expect((await get('/api/v1/alerts', { host })).status).toBe(200)
  })
})

describe('every answer', () => {
  it.each(['/', '/console.js', '/healthz', '/api/v1/alerts', '/api/v1/alerts?limit=0', '/nothing'])(
    '%s carries the security headers',
    async (url) => {
      const { headers } = await get(url)
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; /)
      expect(headers['content-security-policy']).not.toMatch(/unsafe|\*|http/)
      expect(headers['x-content-type-options']).toBe('nosniff')
    },
  )

  it('is JSON for what is not there, and files outside of the console are not served', async () => {
    expect((await get('/api/v1/nothing')).json().error.code).toBe('TW_NOT_FOUND')
    for (const url of ['/../app.ts', '/%2e%2e/app.ts', '/..%2f..%2fpackage.json']) expect((await get(url)).text).not.toContain('tidewatch"')
  })
})
