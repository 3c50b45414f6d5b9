import { afterEach, expect, it } from 'vitest'
import type { Action, ExpectAction } from '../../src/decisions/action.ts'
import { createServer, type Server } from '../../src/server/app.ts'
import { actionHeaders, readAction } from '../../src/stages/action-record.ts'
import { makeDeps, serverConfig, TOKENS } from './fixture.ts'

const [viewer, operator] = TOKENS.map(({ token }) => `Bearer ${token}`)
const noon = Date.UTC(2026, 2, 4, 12) * 1000
const known: ExpectAction = {
  kind: 'expect',
  id: 'act_known',
  time: noon,
  by: 'ops',
  note: 'load test',
  from: noon,
  until: noon + 3600e6,
  model: null,
  service: 'chat',
  category: null,
}
let server: Server
let acts: Action[]

function start(): void {
  acts = []
  const deps = makeDeps({ engine: 'chdb', query: async () => [], ping: async () => {} } as never, {
    act: async (action) => {
      acts.push(action)
    },
  })
  const decisions = () => ({ ...deps.decisions(), expectations: [known] })
  server = createServer(serverConfig({ tokens: TOKENS }), { ...deps, decisions })
}
afterEach(() => server.close())

async function ask(method: 'GET' | 'POST', url: string, payload?: object, authorization = operator!) {
  const response = await server.app.inject({ method, url, headers: { authorization }, ...(payload && { payload }) })
  return { status: response.statusCode, body: response.json() }
}

it('an operator freezes and thaws references that exist; nobody else does', async () => {
  start()
  const { body } = await ask('GET', '/api/v1/references', undefined, viewer!)
  expect(body.items[0]).toEqual({
    detector: 'query-shift',
    population: 'prod/chat',
    subjects: 40,
    lacks: null,
    since: '2026-03-02T00:00:00.000000Z',
    frozen: null,
  })
  const reference = { detector: 'query-shift', population: 'prod/chat' }
  for (const kind of ['freeze', 'thaw'])
    expect((await ask('POST', `/api/v1/references/${kind}`, { ...reference, note: 'why' })).status).toBe(202)
  expect(acts).toMatchObject([
    { kind: 'freeze', ...reference, by: 'ops', note: 'why' },
    { kind: 'thaw', ...reference },
  ])
  expect((await ask('POST', '/api/v1/references/freeze', reference, viewer!)).status).toBe(401)
  const unknown = await ask('POST', '/api/v1/references/freeze', { detector: 'series-anomaly', population: 'x' })
  expect([unknown.status, JSON.stringify(unknown.body)]).toEqual([404, expect.stringContaining('its own past only')])
})

it('changes are announced, listed and called off, and the records in the log say so', async () => {
  start()
  const window = { from: '2026-03-04T10:00:00Z', until: '2026-03-04T12:00:00Z' }
  expect((await ask('POST', '/api/v1/expectations', { ...window, model: 'chat', note: 'load test' })).status).toBe(202)
  expect((await ask('POST', '/api/v1/expectations/act_known/withdraw', {})).status).toBe(202)
  expect(acts).toMatchObject([
    { kind: 'expect', from: noon - 7200e6, until: noon, model: 'chat', service: null, category: null, note: 'load test' },
    { kind: 'withdraw', expectation: 'act_known' },
  ])
  // What the log holds is what was done, signed.
  const key = new Uint8Array(32).fill(7)
  for (const action of acts) expect(readAction({ headers: actionHeaders(action, key) }, key)).toEqual(action)

  const { body } = await ask('GET', '/api/v1/expectations', undefined, viewer!)
  expect(body.items).toEqual([
    {
      id: 'act_known',
      from: '2026-03-04T12:00:00.000000Z',
      until: '2026-03-04T13:00:00.000000Z',
      model: null,
      service: 'chat',
      category: null,
      by: 'ops',
      note: 'load test',
    },
  ])
  expect((await ask('POST', '/api/v1/expectations', { from: window.until, until: window.from })).status).toBe(400)
  expect((await ask('POST', '/api/v1/expectations/act_none/withdraw', {})).status).toBe(404)
  expect((await ask('POST', '/api/v1/expectations', window, viewer!)).status).toBe(401)
})
