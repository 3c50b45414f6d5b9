import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import type { Action } from '../../src/decisions/action.ts'
import { TidewatchError } from '../../src/errors.ts'
import { createServer, type Server } from '../../src/server/app.ts'
import type { ServerDeps } from '../../src/server/deps.ts'
import { actionSchema, page, webhookSchema } from '../../src/server/schemas.ts'
import { actionRow, callRow } from '../../src/store/rows.ts'
import { call } from '../store/samples.ts'
import { makeAlert } from '../support/alerts.ts'
import { type EmbeddedStore, openEmbeddedStore } from '../support/embedded-store.ts'
import { makeDeps, serverConfig, storeAlerts, TOKENS } from './fixture.ts'

let embedded: EmbeddedStore
let server: Server
let acts: Action[]

const [viewer, operator] = TOKENS.map(({ token }) => `Bearer ${token}`)
const incident = '/api/v1/incidents/i-0001'

beforeAll(async () => {
  embedded = await openEmbeddedStore()
  await storeAlerts(embedded.store, [makeAlert()])
})

afterAll(async () => {
  await server.close()
  await embedded.close()
})

async function start(deps: Partial<ServerDeps> = {}): Promise<void> {
  await server?.close()
  acts = []
  const act = async (action: Action) => {
    acts.push(action)
  }
  server = createServer(serverConfig({ tokens: TOKENS }), makeDeps(embedded.store, { act, ...deps }))
}

beforeEach(() => start())

async function post(url: string, payload: unknown, authorization = operator!) {
  const response = await server.app.inject({ method: 'POST', url, headers: { authorization }, payload: payload as object })
  return { status: response.statusCode, body: response.json() }
}

async function get(url: string) {
  return (await server.app.inject({ url, headers: { authorization: viewer! } })).json()
}

it('an operator acknowledges, silences and judges an incident; each becomes a record with who and when', async () => {
  const before = Date.now() * 1000
  const { status, body } = await post(`${incident}/acknowledge`, { note: 'on it' })
  expect([status, body]).toEqual([202, { id: expect.stringMatching(/^act_[0-9a-f]{24}$/), incident: 'i-0001' }])
  await post(`${incident}/silence`, { for: '4h' })
  await post(`${incident}/silence`, { until: '2026-03-05T00:00:00Z', note: 'load test' })
  await post(`${incident}/feedback`, { verdict: 'benign' })
  expect(acts).toMatchObject([
    { kind: 'acknowledge', incident: 'i-0001', by: 'ops', note: 'on it', id: body.id },
    { kind: 'silence', by: 'ops', note: '' },
    { kind: 'silence', until: Date.UTC(2026, 2, 5) * 1000, note: 'load test' },
    { kind: 'feedback', verdict: 'benign' },
  ])
  const [, silence] = acts as Extract<Action, { kind: 'silence' }>[]
  expect(silence!.until - silence!.time).toBe(4 * 3600e6)
  expect(silence!.time).toBeGreaterThanOrEqual(before)
})

it('nobody else does, and not by accident', async () => {
  expect((await post(`${incident}/acknowledge`, {}, viewer!)).status).toBe(401)
  expect((await post(`${incident}/acknowledge`, {}, '')).status).toBe(401)
  expect((await post('/api/v1/principals/find', { id: 'a' }, viewer!)).status).toBe(401)
  expect((await post('/api/v1/webhooks/pager/test', {}, viewer!)).status).toBe(401)
  expect((await post('/api/v1/incidents/i-none/acknowledge', {})).status).toBe(404)
  for (const body of [{}, { for: '4 moons' }, { for: '1h', until: '2026-03-05T00:00:00Z' }, { for: '1h', forever: true }]) {
    expect((await post(`${incident}/silence`, body)).status).toBe(400)
  }
  expect((await post(`${incident}/feedback`, { verdict: 'maybe' })).status).toBe(400)
  // What a form or a script of another page could send without asking.
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', undefined]) {
    const headers = { authorization: operator!, ...(type && { 'content-type': type }) }
    const response = await server.app.inject({ method: 'POST', url: `${incident}/acknowledge`, headers, ...(type && { payload: '{}' }) })
    expect([400, 415]).toContain(response.statusCode)
  }
  expect(acts).toEqual([])
})

it('says so when the log does not take it', async () => {
  await start({ act: () => Promise.reject(new TidewatchError('TW_JOURNAL_FULL', '')) })
  const { status, body } = await post(`${incident}/acknowledge`, {})
  expect([status, body.error.code]).toEqual([503, 'TW_JOURNAL_FULL'])
})

it('shows what was done, with its incident and page by page', async () => {
  const base = { incident: 'i-0001', by: 'ops', note: '' }
  const done: Action[] = [
    { ...base, id: 'act_1', time: 1_772_366_400_000_001, kind: 'acknowledge' },
    { ...base, id: 'act_2', time: 1_772_366_400_000_002, kind: 'silence', until: 1_772_366_500_000_000 },
    { ...base, id: 'act_3', time: 1_772_366_400_000_003, kind: 'feedback', verdict: 'false' },
    { ...base, id: 'act_4', incident: 'i-2', time: 1_772_366_400_000_004, kind: 'acknowledge' },
  ]
  await embedded.store.insert('actions', done.map(actionRow), 'actions')
  const first = page(actionSchema).parse(await get('/api/v1/actions?limit=3'))
  const rest = page(actionSchema).parse(await get(`/api/v1/actions?before=${first.next}`))
  expect([...first.items, ...rest.items].map(({ id }) => id)).toEqual(['act_4', 'act_3', 'act_2', 'act_1'])
  expect(first.items[2]).toEqual({
    ...base,
    id: 'act_2',
    kind: 'silence',
    time: '2026-03-01T12:00:00.000002Z',
    until: '2026-03-01T12:01:40.000000Z',
    verdict: null,
    about: {},
  })
  expect((await get('/api/v1/actions?kind=silence')).items).toHaveLength(1)
  expect((await get(incident)).actions.map(({ id }: { id: string }) => id)).toEqual(['act_3', 'act_2', 'act_1'])
})

it('lists the receivers without their secrets and tests one', async () => {
  const secret = `whsec_${'S'.repeat(32)}`
  const receivers = configSchema.parse({
    webhooks: [{ name: 'pager', url: 'https://pager.example/', secret, minSeverity: 'high', models: 'a,b' }],
  }).webhooks
  await start({
    receivers,
    webhooks: () => [{ target: 'pager', waiting: 2, more: false, failures: 1, lastFailure: 'HTTP 500', dead: 0 }],
    testWebhook: async (name) =>
      name === 'pager' ? [{ change: 'opened', delivered: true, status: 204, reason: null, text: '', milliseconds: 3 }] : null,
  })
  const { items } = await get('/api/v1/webhooks')
  expect(items.map((item: object) => webhookSchema.parse(item))).toEqual(items)
  expect(items).toMatchObject([
    { name: 'pager', format: 'standard', minSeverity: 'high', models: ['a', 'b'], categories: null, waiting: 2 },
  ])
  expect(JSON.stringify(items)).not.toContain('SSSS')
  expect(await post('/api/v1/webhooks/pager/test', {})).toMatchObject({
    status: 200,
    body: { name: 'pager', answers: [{ delivered: true }] },
  })
  expect((await post('/api/v1/webhooks/nobody/test', {})).status).toBe(404)
})

it('finds what is known of somebody by the name that a service sends', async () => {
  const calls = [1, 2].map((n) =>
    callRow({
      ...call({ topic: 't', offset: n, model: 'm' }),
      principal: { id: 'h-mallory', kind: null, source: 'user.id', lastResort: false },
    }),
  )
  await embedded.store.insert('calls', calls, 'calls')
  await storeAlerts(embedded.store, [makeAlert({ id: 'a-9', incident: 'i-9', subject: { kind: 'principal', id: 'h-mallory' } })])
  const { status, body } = await post('/api/v1/principals/find', { id: ' mallory ' })
  expect([status, body]).toEqual([
    200,
    {
      id: 'h-mallory',
      calls: 2,
      first: expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:00Z$/),
      last: expect.any(String),
      models: [expect.any(String)],
      incidents: [expect.objectContaining({ incident: 'i-9' })],
    },
  ])
  expect((await post('/api/v1/principals/find', { id: '203.0.113.77' })).body).toEqual({
    id: 'h-203.0.113.0/24',
    calls: 0,
    first: null,
    last: null,
    models: [],
    incidents: [],
  })
})
