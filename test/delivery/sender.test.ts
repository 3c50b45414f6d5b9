import pino from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { configSchema, type WebhookConfig } from '../../src/config/schema.ts'
import { Dispatcher } from '../../src/delivery/dispatcher.ts'
import { deliveryRows } from '../../src/delivery/outbox.ts'
import { lostRecordsAlert } from '../../src/delivery/own-alert.ts'
import { Sender } from '../../src/delivery/sender.ts'
import { makeAlert } from '../support/alerts.ts'
import { type EmbeddedStore, openEmbeddedStore } from '../support/embedded-store.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts'

let embedded: EmbeddedStore
let receiver: WebhookReceiver
let webhooks: readonly WebhookConfig[]
let senders: Sender[]
let troubles: Error[]

beforeAll(async () => {
  embedded = await openEmbeddedStore()
})

afterAll(() => embedded.close())

beforeEach(async () => {
  await embedded.truncate('webhook_deliveries')
  receiver = await startWebhookReceiver()
  senders = []
  troubles = []
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  webhooks = configSchema.parse({ webhooks: [{ name: 'soc', url: receiver.url, secret }] }).webhooks
})

afterEach(async () => {
  await Promise.all(senders.map((sender) => sender.stop()))
  await receiver.close()
})

function member(store: Pick<EmbeddedStore['store'], 'query' | 'insert'> = embedded.store): Sender {
  const log = pino({ level: 'silent' })
  const sender = new Sender({
    createDispatcher: () => new Dispatcher({ store, webhooks, log }),
    store,
    onTrouble: (error) => troubles.push(error),
    lookInterval: 100,
  })
  senders.push(sender)
  return sender
}

async function alerted(id: string): Promise<void> {
  await embedded.store.insert('webhook_deliveries', deliveryRows([makeAlert({ id })], webhooks), id)
}

it('who decides sends, who does not is silent, and the next one goes on where the last one ended', async () => {
  const [first, second] = [member(), member()]
  await alerted('a')
  first.own(true)
  await receiver.next(({ id }) => id === 'a')
  expect(second.states()).toEqual([])
  first.own(false)
  second.own(true)
  await alerted('b')
  await receiver.next(({ id }) => id === 'b')
  // At least once: the second may have begun before the first had written down what it sent.
  expect([...new Set(receiver.received.map(({ id }) => id))]).toEqual(['a', 'b'])
  await expect.poll(() => second.states()).toMatchObject([{ target: 'soc', waiting: 0 }])
})

it('what a member that does not decide leaves or sends again is found by the one that does', async () => {
  const [deciding, other] = [member(), member()]
  deciding.own(true)
  const gap = { topic: 'otlp_spans', partition: 3, reason: 'retention', from: 10, to: 52, records: 42 } as const
  await other.leave(deliveryRows([lostRecordsAlert(gap, Date.now())], webhooks))
  const { body } = await receiver.next(({ body }) => body.includes('lost-records'))
  expect(JSON.parse(body)).toMatchObject({ title: '42 records of otlp_spans/3 are gone and were never looked at', severity: 'high' })
  await expect.poll(() => deciding.states()).toMatchObject([{ waiting: 0 }])
  await expect.poll(() => other.replay({ id: JSON.parse(body).id }), { timeout: 5000 }).toHaveLength(1)
  await receiver.next(({ body: again }) => again === body)
  expect(receiver.received.filter((each) => each.body === body).length).toBe(2)
})

it('a store that does not answer at the beginning is asked again', async () => {
  await alerted('a')
  let away = 2
  const sender = member({
    query: (...question) => (away-- > 0 ? Promise.reject(new Error('away')) : embedded.store.query(...question)),
    insert: (...rows) => embedded.store.insert(...rows),
  })
  sender.own(true)
  await receiver.next(({ id }) => id === 'a')
  expect(troubles.length).toBeGreaterThan(0)
})
