import pino from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { configSchema, type WebhookConfig } from '../../src/config/schema.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { Dispatcher } from '../../src/delivery/dispatcher.ts'
import { deliveryRows } from '../../src/delivery/outbox.ts'
import { makeAlert } from '../support/alerts.ts'
import { type EmbeddedStore, openEmbeddedStore } from '../support/embedded-store.ts'
import { ManualTimers } from '../support/manual-timers.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts'

const DAY = 86_400_000

let embedded: EmbeddedStore
let receivers: { readonly pager: WebhookReceiver; readonly chat: WebhookReceiver }
let timers: ManualTimers
let webhooks: readonly WebhookConfig[]
let outcomes: string[]
let running: Dispatcher[]

beforeAll(async () => {
  embedded = await openEmbeddedStore()
})

afterAll(() => embedded.close())

beforeEach(async () => {
  await embedded.truncate('webhook_deliveries')
  receivers = { pager: await startWebhookReceiver(), chat: await startWebhookReceiver() }
  timers = new ManualTimers(Date.now())
  outcomes = []
  running = []
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const of = (name: 'pager' | 'chat') => ({ name, url: receivers[name].url, secret, maxAge: '1h' })
  webhooks = configSchema.parse({ webhooks: [of('pager'), { ...of('chat'), categories: ['signal'] }] }).webhooks
})

afterEach(async () => {
  for (const dispatcher of running) await dispatcher.stop()
  await receivers.pager.close()
  await receivers.chat.close()
})

async function start(pageWithin?: number): Promise<Dispatcher> {
  const dispatcher = new Dispatcher({
    store: embedded.store,
    webhooks,
    log: pino({ level: 'silent' }),
    timers,
    random: () => 0,
    count: (target, outcome) => outcomes.push(`${target} ${outcome}`),
    ...(pageWithin !== undefined && { pageWithin }),
  })
  running.push(dispatcher)
  await dispatcher.start()
  return dispatcher
}

async function publish(dispatcher: Dispatcher, ...alerts: Alert[]): Promise<void> {
  const rows = deliveryRows(alerts, webhooks)
  await embedded.store.insert('webhook_deliveries', rows, alerts.map((alert) => alert.id).join())
  dispatcher.notify(rows)
}

const settled = async (id: string) => {
  const rows = await embedded.store.query<{ state: string; attempt: number }>(
    'SELECT state, attempt FROM webhook_deliveries WHERE id = {id:String} ORDER BY attempt, updated',
    { id },
  )
  return rows.map(({ state, attempt }) => `${state} ${attempt}`)
}

/** Resolves once so many attempts ended so. */
async function ended(outcome: string, times: number): Promise<void> {
  while (outcomes.filter((each) => each === outcome).length < times) await new Promise(setImmediate)
}

const ago = (milliseconds: number) => new Date(timers.now() - milliseconds).toISOString().replace('Z', '000Z')

it('a delivered webhook is sent again on demand, with the same id and body, also after a restart; what waits already is left alone', async () => {
  const dispatcher = await start()
  const alert = makeAlert()
  await publish(dispatcher, alert)
  const first = await receivers.pager.next()
  await ended('pager delivered', 1)
  expect(await dispatcher.replay({ id: alert.id })).toEqual([{ id: alert.id, target: 'pager' }])
  const second = await receivers.pager.next()
  expect([second.id, second.body]).toEqual([first.id, first.body])
  await ended('pager delivered', 2)
  await dispatcher.stop()
  expect(await settled(alert.id)).toEqual(['pending 0', 'delivered 1', 'pending 2', 'delivered 3'])

  receivers.pager.behave({ kind: 'hang' })
  const later = await start()
  expect(await later.replay({ target: 'pager' })).toHaveLength(1)
  await receivers.pager.next()
  expect(await later.replay({ target: 'pager' })).toEqual([])
  expect(await later.replay({ target: 'chat' })).toEqual([])
  expect(await later.replay({ id: 'alert_none' })).toEqual([])
  const stopped = later.stop()
  timers.advance(10_000)
  await stopped
  receivers.pager.behave({ kind: 'accept' })
  await start()
  expect(await receivers.pager.next()).toMatchObject({ id: first.id, body: first.body })
})

it('what was given up is counted, told to the other receivers once a day, and gets its whole time again when it is replayed', async () => {
  receivers.pager.behave({ kind: 'refuse', status: 418 })
  const dispatcher = await start()
  const alerts = [makeAlert(), makeAlert({ id: 'a-0002', incident: 'i-0002' })]
  await publish(dispatcher, ...alerts)
  const told = receivers.chat.next()
  for (let tries = 0; tries < 3; tries++) {
    for (let each = 0; each < 2; each++) await receivers.pager.next()
    await ended('pager failed', 2 * (tries + 1))
    timers.advance(5_000)
  }
  expect(JSON.parse((await told).body)).toMatchObject({
    status: 'opened',
    category: 'signal',
    detector: 'webhook-delivery',
    evidence: { summary: 'pager: HTTP 418' },
  })
  expect(dispatcher.states()[0]).toMatchObject({ target: 'pager', dead: 2 })
  expect(outcomes.filter((outcome) => outcome === 'pager dead')).toHaveLength(2)
  await dispatcher.stop()
  expect(receivers.chat.received).toHaveLength(1)

  timers.advance(2 * 3_600_000)
  const later = await start()
  expect(await later.replay({ state: 'dead', since: 0 })).toHaveLength(2)
  await receivers.pager.next()
  await receivers.pager.next()
  // Far beyond maxAge of the first life, and yet not given up at the first refusal.
  await ended('pager failed', 8)
  expect(outcomes.filter((outcome) => outcome === 'pager dead')).toHaveLength(2)
})

it('alerts of a backlog that are older than the set age are recorded and page nobody; the end of what was told is told, however old', async () => {
  const dispatcher = await start(3 * 86_400)
  const changes = (id: string, opened: number, resolved: number) => [
    makeAlert({ id: `${id}-1`, incident: id, status: 'opened', time: ago(opened) }),
    makeAlert({ id: `${id}-2`, incident: id, status: 'resolved', time: ago(resolved) }),
  ]
  await publish(dispatcher, ...changes('old', 9 * DAY, 1000), ...changes('young', 1000, 500))
  await publish(dispatcher, makeAlert({ id: 'told-2', incident: 'told', status: 'resolved', time: ago(8 * DAY) }))
  const heard = [await receivers.pager.next(), await receivers.pager.next(), await receivers.pager.next()].map(({ id }) => id)
  expect(heard.toSorted()).toEqual(['told-2', 'young-1', 'young-2'])
  await dispatcher.stop()
  expect(await settled('old-1')).toEqual(['pending 0', 'skipped 0'])
  expect(await settled('old-2')).toEqual(['pending 0', 'skipped 0'])
  expect(outcomes.filter((outcome) => outcome === 'pager skipped')).toHaveLength(2)
  const later = await start(3 * 86_400)
  expect(await later.replay({ id: 'old-1' })).toHaveLength(1)
  expect((await receivers.pager.next()).id).toBe('old-1')
})
