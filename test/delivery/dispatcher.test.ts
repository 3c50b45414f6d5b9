import pino from 'pino'
import { Webhook } from 'standardwebhooks'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { configSchema, type WebhookConfig } from '../../src/config/schema.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { Dispatcher, type DispatcherOptions } from '../../src/delivery/dispatcher.ts'
import { deliveryRows } from '../../src/delivery/outbox.ts'
import type { Row } from '../../src/store/store.ts'
import { makeAlert } from '../support/alerts.ts'
import { type EmbeddedStore, openEmbeddedStore } from '../support/embedded-store.ts'
import { ManualTimers } from '../support/manual-timers.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts'

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const MINUTE = 60_000
const DEADLINE = 10_000

let receiver: WebhookReceiver
let embedded: EmbeddedStore
let timers: ManualTimers
let dispatchers: Dispatcher[]
let webhooks: readonly WebhookConfig[]
let outcomes: string[]

beforeAll(async () => {
  embedded = await openEmbeddedStore()
})

afterAll(() => embedded.close())

beforeEach(async () => {
  receiver = await startWebhookReceiver()
  await embedded.truncate('webhook_deliveries')
  timers = new ManualTimers(Date.now())
  dispatchers = []
  outcomes = []
  webhooks = configSchema.parse({ webhooks: [{ name: 'pager', url: receiver.url, secret: SECRET, maxAge: '1h' }] }).webhooks
})

afterEach(async () => {
  for (const dispatcher of dispatchers) {
    const stopped = dispatcher.stop()
    timers.advance(DEADLINE)
    await stopped
  }
  await receiver.close()
})

function makeDispatcher(options: Partial<DispatcherOptions> = {}): Dispatcher {
  const dispatcher = new Dispatcher({
    store: embedded.store,
    webhooks,
    log: pino({ level: 'silent' }),
    timers,
    random: () => 0,
    count: (_target, outcome) => outcomes.push(outcome),
    ...options,
  })
  dispatchers.push(dispatcher)
  return dispatcher
}

/** What the pipeline does: the rows go to the store with the alerts, then the dispatcher is told. */
async function publish(dispatcher: Dispatcher | null, ...alerts: Alert[]): Promise<void> {
  const rows = deliveryRows(alerts, webhooks)
  await embedded.store.insert('webhook_deliveries', rows, alerts.map((alert) => alert.id).join())
  dispatcher?.notify(rows)
}

/** States of a delivery as stored, in order. */
async function stored(id: string): Promise<Row[]> {
  return embedded.store.query(
    "SELECT state, attempt, http_status, reason FROM webhook_deliveries WHERE id = {id:String} ORDER BY attempt, indexOf(['pending', 'attempted', 'delivered', 'dead'], state)",
    { id },
  )
}

const states = async (id: string) => (await stored(id)).map((row) => row.state)

/** Stops with everything written down. */
async function stop(dispatcher: Dispatcher): Promise<void> {
  await dispatcher.stop()
}

describe('the dispatcher', () => {
  it('sends the exact bytes of the alert, signed, with the alert id as webhook-id, and marks it delivered after 2xx', async () => {
    const dispatcher = makeDispatcher()
    await dispatcher.start()
    const alert = makeAlert({ title: '<b>ümläut</b>' })
    await publish(dispatcher, alert)
    const webhook = await receiver.next()
    expect(webhook.body).toBe(JSON.stringify(alert))
    expect(webhook.id).toBe(alert.id)
    expect(webhook.headers['content-type']).toBe('application/json')
    expect(new Webhook(SECRET).verify(webhook.body, webhook.headers as Record<string, string>)).toEqual(alert)
    await stop(dispatcher)
    expect(await states(alert.id)).toEqual(['pending', 'delivered'])
    expect(outcomes).toEqual(['delivered'])
  })

  it.each([500, 503, 429, 408])('tries again after %i with the same id and body', async (status) => {
    receiver.behave({ kind: 'refuse', status }, 3)
    const dispatcher = makeDispatcher()
    await dispatcher.start()
    await publish(dispatcher, makeAlert())
    for (const wait of [500, 1_000, 2_000]) {
      await receiver.next()
      await timers.fire((delay) => delay === wait)
    }
    await receiver.next((webhook) => webhook.answer === 'accept')
    await stop(dispatcher)
    expect(new Set(receiver.received.map((webhook) => webhook.id)).size).toBe(1)
    expect(new Set(receiver.received.map((webhook) => webhook.body)).size).toBe(1)
    expect(outcomes).toEqual(['failed', 'failed', 'failed', 'delivered'])
    expect((await states('a-0001')).at(-1)).toBe('delivered')
  })

  it('waits as long as Retry-After asks, with everything for that target', async () => {
    receiver.behave({ kind: 'refuse', status: 429, headers: { 'retry-after': '120' } }, 1)
    const dispatcher = makeDispatcher({ concurrency: 1 })
    await dispatcher.start()
    await publish(dispatcher, makeAlert(), makeAlert({ id: 'a-2', incident: 'i-2' }))
    await receiver.next()
    // The first timer of that length ends the silence, for the other incident as well.
    await timers.fire((delay) => delay === 120_000)
    await receiver.next((webhook) => webhook.id === 'a-2')
    await receiver.next((webhook) => webhook.id === 'a-0001' && webhook.answer === 'accept')
    const [first, ...others] = receiver.received.map((webhook) => Number(webhook.headers['webhook-timestamp']))
    expect(others).toEqual([first! + 120, first! + 120])
  })

  it('breaks off an attempt that gets no answer by its deadline, and tries again', async () => {
    receiver.behave({ kind: 'hang' }, 1)
    const dispatcher = makeDispatcher()
    await dispatcher.start()
    await publish(dispatcher, makeAlert())
    await receiver.next((webhook) => webhook.answer === 'hang')
    await timers.fire((delay) => delay === DEADLINE)
    await timers.fire((delay) => delay === 500)
    await receiver.next((webhook) => webhook.answer === 'accept')
    await stop(dispatcher)
    expect((await states('a-0001')).at(-1)).toBe('delivered')
  })

  it('sends again, with the same id and body, when the connection is cut after the receiver read everything', async () => {
    receiver.behave({ kind: 'drop' }, 1)
    const dispatcher = makeDispatcher()
    await dispatcher.start()
    await publish(dispatcher, makeAlert())
    const dropped = await receiver.next((webhook) => webhook.answer === 'drop')
    await timers.fire((delay) => delay === 500)
    const accepted = await receiver.next((webhook) => webhook.answer === 'accept')
    expect(accepted.id).toBe(dropped.id)
    expect(accepted.body).toBe(dropped.body)
  })

  it('signs every attempt with its own time', async () => {
    receiver.behave({ kind: 'refuse', status: 500 }, 9)
    const dispatcher = makeDispatcher()
    await dispatcher.start()
    await publish(dispatcher, makeAlert())
    for (let attempt = 1; attempt < 5; attempt++) {
      await receiver.next()
      await timers.fire((delay) => delay === 500 * 2 ** (attempt - 1))
    }
    await receiver.next()
    const times = receiver.received.map((webhook) => Number(webhook.headers['webhook-timestamp']))
    expect(times.at(-1)! - times[0]!).toBeGreaterThanOrEqual(7)
    const { body, headers } = receiver.received.at(-1)!
    expect(() => new Webhook(SECRET).verify(body, headers as Record<string, string>)).not.toThrow()
  })

  it.each([400, 404, 410, 302])('gives up after three answers of %i and says why', async (status) => {
    receiver.behave({ kind: 'refuse', status, headers: { location: `${receiver.url}/elsewhere` } })
    const dispatcher = makeDispatcher()
    await dispatcher.start()
    await publish(dispatcher, makeAlert())
    await receiver.next()
    await timers.fire((delay) => delay === 500)
    await receiver.next()
    await timers.fire((delay) => delay === 1_000)
    await receiver.next()
    await stop(dispatcher)
    expect((await stored('a-0001')).at(-1)).toMatchObject({
      state: 'dead',
      attempt: 3,
      http_status: status,
      reason: expect.stringContaining(String(status)),
    })
    expect(receiver.received.every((webhook) => webhook.path === '/hook')).toBe(true)
    expect(outcomes).toEqual(['failed', 'failed', 'failed', 'dead'])
  })

  it('gives up when the delivery is older than maxAge, counted from its first attempt, and says why', async () => {
    receiver.behave({ kind: 'refuse', status: 500 })
    const dispatcher = makeDispatcher()
    await dispatcher.start()
    await publish(dispatcher, makeAlert({ time: '2020-01-01T00:00:00.000000Z' }))
    await receiver.next()
    const began = timers.now()
    while (timers.now() < began + 60 * MINUTE) {
      await timers.fire((delay) => delay !== DEADLINE && delay !== 250)
      await receiver.next()
    }
    await stop(dispatcher)
    expect(timers.now()).toBe(began + 60 * MINUTE)
    expect((await stored('a-0001')).at(-1)).toMatchObject({ state: 'dead', reason: expect.stringMatching(/3600 s.*HTTP 500/) })
  })

  it('keeps the changes of an incident in order while other incidents pass by', async () => {
    receiver.behave({ kind: 'refuse', status: 500 }, 1)
    const dispatcher = makeDispatcher({ concurrency: 1 })
    await dispatcher.start()
    await publish(dispatcher, makeAlert({ id: 'opened' }), makeAlert({ id: 'updated', status: 'updated' }))
    await receiver.next((webhook) => webhook.id === 'opened')
    await publish(dispatcher, makeAlert({ id: 'resolved', status: 'resolved' }), makeAlert({ id: 'other', incident: 'i-2' }))
    await receiver.next((webhook) => webhook.id === 'other')
    await timers.fire((delay) => delay === 500)
    await receiver.next((webhook) => webhook.id === 'resolved')
    expect(receiver.received.map((webhook) => webhook.id)).toEqual(['opened', 'other', 'opened', 'updated', 'resolved'])
  })

  it('sends the next change of an incident after one was given up', async () => {
    receiver.behave({ kind: 'refuse', status: 400 }, 3)
    const dispatcher = makeDispatcher()
    await dispatcher.start()
    await publish(dispatcher, makeAlert({ id: 'opened' }), makeAlert({ id: 'updated', status: 'updated' }))
    await timers.fire((delay) => delay === 500)
    await timers.fire((delay) => delay === 1_000)
    expect((await receiver.next((webhook) => webhook.answer === 'accept')).id).toBe('updated')
  })

  it('goes on from the store after a restart: what was not delivered is sent, in order, what was is not', async () => {
    receiver.behave({ kind: 'refuse', status: 503 })
    const first = makeDispatcher()
    await first.start()
    await publish(first, makeAlert({ id: 'opened' }), makeAlert({ id: 'updated', status: 'updated' }))
    await receiver.next()
    await timers.fire((delay) => delay === 500)
    await receiver.next()
    await stop(first)
    await publish(null, makeAlert({ id: 'late', incident: 'i-2', time: '2026-03-01T12:00:01.000000Z' }))

    receiver.behave({ kind: 'accept' })
    const second = makeDispatcher({ concurrency: 1 })
    await second.start()
    await receiver.next((webhook) => webhook.id === 'updated')
    await stop(second)
    expect(receiver.received.slice(2).map((webhook) => webhook.id)).toEqual(['opened', 'late', 'updated'])
    expect(new Set(receiver.received.filter((webhook) => webhook.id === 'opened').map((webhook) => webhook.body)).size).toBe(1)

    const third = makeDispatcher()
    await third.start()
    await stop(third)
    expect(receiver.received).toHaveLength(5)
  })

  it('counts age and attempts on over a restart', async () => {
    receiver.behave({ kind: 'refuse', status: 500 })
    const first = makeDispatcher()
    await first.start()
    await publish(first, makeAlert())
    await receiver.next()
    await timers.fire((delay) => delay === 500)
    await receiver.next()
    await stop(first)
    timers.advance(60 * MINUTE)
    const second = makeDispatcher()
    await second.start()
    await receiver.next()
    await stop(second)
    expect((await stored('a-0001')).at(-1)).toMatchObject({ state: 'dead', attempt: 3 })
  })

  it('holds no more than its capacity and reads the rest from the store, still in order', async () => {
    const dispatcher = makeDispatcher({ concurrency: 2, capacity: 8 })
    await dispatcher.start()
    receiver.behave({ kind: 'slow', milliseconds: 5 })
    const alerts = Array.from({ length: 60 }, (_, n) =>
      makeAlert({ id: `a-${n}`, incident: `i-${n % 5}`, time: `2026-03-01T12:00:${String(n).padStart(2, '0')}.000000Z` }),
    )
    const held: number[] = []
    for (let n = 0; n < alerts.length; n += 12) {
      await publish(dispatcher, ...alerts.slice(n, n + 12))
      held.push(dispatcher.states()[0]!.waiting)
    }
    expect(Math.max(...held)).toBe(8)
    await Promise.all(alerts.map((alert) => receiver.next((webhook) => webhook.id === alert.id)))
    await stop(dispatcher)
    expect(receiver.received).toHaveLength(60)
    for (let incident = 0; incident < 5; incident++) {
      const seen = receiver.received
        .map((webhook) => JSON.parse(webhook.body) as Alert)
        .filter((alert) => alert.incident === `i-${incident}`)
      expect(seen.map((alert) => alert.time)).toEqual([...seen.map((alert) => alert.time)].sort())
    }
  })

  it('lets nothing new pass what waits in the store alone, even when there is room again', async () => {
    const changes = Array.from({ length: 7 }, (_, n) => makeAlert({ id: `c-${n}`, time: `2026-03-01T12:00:0${n}.000000Z` }))
    const dispatcher = makeDispatcher({ capacity: 4 })
    await dispatcher.start()
    receiver.behave({ kind: 'accept' }, 1)
    receiver.behave({ kind: 'hang' }, 1)
    await publish(dispatcher, ...changes.slice(0, 6))
    await receiver.next((webhook) => webhook.answer === 'hang')
    expect(dispatcher.states()).toMatchObject([{ waiting: 3, more: true }])
    await publish(dispatcher, changes[6]!)
    await timers.fire((delay) => delay === DEADLINE)
    await timers.fire((delay) => delay === 500)
    await receiver.next((webhook) => webhook.id === 'c-6')
    const accepted = receiver.received.filter((webhook) => webhook.answer === 'accept')
    expect(accepted.map((webhook) => webhook.id)).toEqual(changes.map((change) => change.id))
  })

  it('keeps states until the store takes them, and delivers meanwhile', async () => {
    let faults = 2
    const { store } = embedded
    const dispatcher = makeDispatcher({
      store: {
        query: (sql, parameters) => store.query(sql, parameters),
        insert: (table, rows, token) => (faults-- > 0 ? Promise.reject(new Error('the store is away')) : store.insert(table, rows, token)),
      },
    })
    await dispatcher.start()
    await publish(dispatcher, makeAlert())
    await receiver.next()
    await timers.fire((delay) => delay === 250)
    await timers.fire((delay) => delay === 1_000)
    await publish(dispatcher, makeAlert({ id: 'a-2', incident: 'i-2' }))
    await receiver.next((webhook) => webhook.id === 'a-2')
    await timers.fire((delay) => delay === 2_000)
    await stop(dispatcher)
    expect(await states('a-0001')).toEqual(['pending', 'delivered'])
    expect(await states('a-2')).toEqual(['pending', 'delivered'])
  })

  it('stops within its grace when a receiver hangs; what was broken off is sent after the next start', async () => {
    receiver.behave({ kind: 'hang' }, 1)
    const first = makeDispatcher()
    await first.start()
    await publish(first, makeAlert())
    await receiver.next((webhook) => webhook.answer === 'hang')
    const stopped = first.stop(3_000)
    await timers.fire((delay) => delay === 3_000)
    await stopped
    expect(await states('a-0001')).toEqual(['pending'])
    const second = makeDispatcher()
    await second.start()
    await receiver.next((webhook) => webhook.answer === 'accept')
  })

  it('tells what waits and why', async () => {
    receiver.behave({ kind: 'refuse', status: 500 })
    const dispatcher = makeDispatcher()
    await dispatcher.start()
    await publish(dispatcher, makeAlert())
    await receiver.next()
    await timers.fire((delay) => delay === 500)
    expect(dispatcher.states()).toEqual([{ target: 'pager', waiting: 1, more: false, failures: 1, lastFailure: 'HTTP 500', dead: 0 }])
  })

  it('sends what a flood leaves over as one digest, and again until it is taken', async () => {
    webhooks = webhooks.map((webhook) => ({ ...webhook, maxPerMinute: 5 }))
    const dispatcher = makeDispatcher()
    await dispatcher.start()
    const flood = Array.from({ length: 40 }, (_, n) =>
      makeAlert({ id: `f-${n}`, incident: `i-${n}`, time: `2026-03-01T12:00:${10 + n}.000000Z` }),
    )
    await publish(dispatcher, ...flood)
    // The clock may only move while no attempt is under way.
    const ended = (count: number) => vi.waitFor(() => expect(outcomes).toHaveLength(count), { timeout: 5_000 })
    await ended(5)
    receiver.behave({ kind: 'refuse', status: 503 }, 1)
    await timers.fire((delay) => delay === MINUTE)
    const refused = await receiver.next((webhook) => webhook.id.startsWith('digest_'))
    await ended(6)
    await timers.fire((delay) => delay === 500)
    // The receiver is well again: four that the minute still has room for, then the rest together.
    await ended(10)
    await timers.fire((delay) => delay === MINUTE - 500)
    const taken = await receiver.next((webhook) => webhook.id.startsWith('digest_'))
    expect(JSON.parse(refused.body)).toMatchObject({ type: 'digest', changes: 35, incidents: 35 })
    expect(JSON.parse(taken.body)).toMatchObject({ type: 'digest', changes: 31 })
    await stop(dispatcher)
    expect(receiver.received).toHaveLength(11)
    expect((await stored('f-39')).at(-1)).toMatchObject({ state: 'delivered', reason: `in ${taken.id}` })
    expect((await Promise.all(flood.map(({ id }) => states(id)))).map((list) => list.at(-1))).toEqual(Array(40).fill('delivered'))

    const second = makeDispatcher()
    await second.start()
    await stop(second)
    expect(receiver.received).toHaveLength(11)
  })

  it('signs with both secrets while they are changed', async () => {
    const old = `whsec_${Buffer.alloc(32, 9).toString('base64')}`
    webhooks = webhooks.map((webhook) => ({ ...webhook, secret: [SECRET, old] }))
    const dispatcher = makeDispatcher()
    await dispatcher.start()
    await publish(dispatcher, makeAlert())
    const { body, headers } = await receiver.next()
    for (const secret of [SECRET, old]) expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toEqual(makeAlert())
  })

  it('waits with what may not be sent to the address, and says so', async () => {
    const dispatcher = makeDispatcher({ allowNetworks: [] })
    await dispatcher.start()
    await publish(dispatcher, makeAlert())
    await timers.fire((delay) => delay === 500)
    expect(dispatcher.states()).toMatchObject([{ waiting: 1, lastFailure: expect.stringContaining('delivery.allowNetworks') }])
    expect(receiver.received).toEqual([])
  })

  it('sends a test alert and its end, and tells what was answered', async () => {
    const dispatcher = makeDispatcher()
    await dispatcher.start()
    expect(await dispatcher.test('pager')).toMatchObject([
      { change: 'opened', delivered: true, status: 204, reason: null },
      { change: 'resolved', delivered: true, status: 204 },
    ])
    receiver.behave({ kind: 'refuse', status: 403 })
    expect(await dispatcher.test('pager')).toMatchObject([
      { change: 'opened', delivered: false, status: 403, reason: 'HTTP 403', text: 'no' },
    ])
    expect(await dispatcher.test('nobody')).toBeNull()
    expect(dispatcher.states()).toMatchObject([{ waiting: 0, failures: 0 }])
  })
})
