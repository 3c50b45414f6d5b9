import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, it, onTestFinished } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { startInstance } from '../../src/stages/instance.ts'
import { otlpTraffic, protobufOf } from '../support/otlp-traffic.ts'
import { startWebhookReceiver } from '../support/webhook-receiver.ts'

it('while the receiver is away telemetry is stored and readiness only tells of it; after a restart every alert comes, under its id with its body', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tw-receiver-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const receiver = await startWebhookReceiver()
  onTestFinished(() => receiver.close())
  receiver.behave({ kind: 'drop' })
  const config = configSchema.parse({
    data: { directory },
    otlp: { http: { port: 0 }, grpc: { enabled: false } },
    server: { port: 0 },
    webhooks: [{ name: 'soc', url: receiver.url, secret: `whsec_${'A'.repeat(32)}` }],
  })
  const start = () => startInstance(config, { log: pino({ level: 'silent' }), version: 'test' })
  let instance = await start()
  onTestFinished(() => instance.stop())
  for (const request of otlpTraffic({ now: Date.now() }).requests) {
    const headers = { 'content-type': 'application/x-protobuf' }
    const body = protobufOf(request) as Uint8Array<ArrayBuffer>
    await fetch(`${instance.addresses.otlpHttp}/v1/traces`, { method: 'POST', headers, body })
  }
  await instance.drained()
  const refused = await receiver.next()
  const ready = await fetch(`${instance.addresses.api}/readyz`)
  expect([ready.status, await ready.text()]).toEqual([200, expect.stringMatching(/soc: \d+ not delivered, \d+ attempts failed in a row/)])
  const alerts = await instance.store.query<{ id: string; alert: string }>('SELECT id, alert FROM alerts ORDER BY time, id')
  expect(alerts.length).toBeGreaterThan(0)
  await instance.stop()

  receiver.behave({ kind: 'accept' })
  instance = await start()
  const taken = new Map<string, string>()
  while (taken.size < alerts.length) {
    const { id, body } = await receiver.next(({ answer }) => answer === 'accept')
    taken.set(id, body)
  }
  expect(taken).toEqual(new Map(alerts.map(({ id, alert }) => [id, alert])))
  expect(taken.get(refused.id)).toBe(refused.body)
}, 90_000)
