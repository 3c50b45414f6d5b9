import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, it, onTestFinished } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { startInstance } from '../../src/stages/instance.ts'
import { folderBytes } from '../../src/store/folder-size.ts'
import { callsIn, otlpTraffic, protobufOf } from '../support/otlp-traffic.ts'
import { startWebhookReceiver } from '../support/webhook-receiver.ts'

it('a data folder beyond data.maxBytes is brought below it, is told of by webhook and metrics, and the instance goes on from its place', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tw-bound-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const receiver = await startWebhookReceiver()
  onTestFinished(() => receiver.close())
  const start = (maxBytes: number) =>
    startInstance(
      configSchema.parse({
        data: { directory, maxBytes },
        otlp: { http: { port: 0 }, grpc: { enabled: false } },
        server: { port: 0 },
        webhooks: [{ name: 'soc', url: receiver.url, secret: `whsec_${'A'.repeat(32)}` }],
      }),
      { log: pino({ level: 'silent' }), version: 'test' },
    )
  const { requests } = otlpTraffic({ now: Date.now(), people: 40 })
  const half = Math.floor(requests.length / 2)
  const feed = async (otlp: string, part: typeof requests) => {
    for (const request of part) {
      const body = protobufOf(request) as Uint8Array<ArrayBuffer>
      await fetch(`${otlp}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/x-protobuf' }, body })
    }
  }
  const text = async (url: string) => (await fetch(url)).text()

  let instance = await start(2 ** 40)
  onTestFinished(() => instance.stop())
  await feed(instance.addresses.otlpHttp!, requests.slice(0, half))
  await instance.drained()
  expect(await text(`${instance.addresses.api}/metrics`)).toMatch(/^tidewatch_data_size\S* [1-9]\d{5,}$/m)
  const ranges = await instance.store.query('SELECT last FROM ranges ORDER BY last DESC LIMIT 1')
  await instance.stop()

  const takes = await folderBytes(directory)
  instance = await start(Math.floor(takes * 0.99))
  const told = await receiver.next(({ body }) => body.includes('"data-folder"'))
  expect(JSON.parse(told.body)).toMatchObject({ title: expect.stringContaining('data.maxBytes'), status: 'opened' })
  expect(await text(`${instance.addresses.api}/metrics`)).toMatch(/^tidewatch_data_dropped_total\{\S*table="calls"\S* [1-9]\d*$/m)
  expect(await folderBytes(directory)).toBeLessThan(takes * 0.99)
  const [last] = await instance.store.query<{ last: number }>('SELECT last FROM ranges ORDER BY last DESC LIMIT 1')
  expect(last!.last).toBeGreaterThanOrEqual((ranges[0] as { last: number }).last)

  // What comes after it is stored as ever.
  await instance.store.command('TRUNCATE TABLE calls')
  await feed(instance.addresses.otlpHttp!, requests.slice(half))
  await instance.drained()
  const calls = requests.slice(half).reduce((sum, request) => sum + callsIn(request), 0)
  const [stored] = await instance.store.query<{ calls: number; spans: number }>(
    'SELECT count() AS calls, uniqExact(span_id) AS spans FROM calls',
  )
  expect(stored).toEqual({ calls, spans: calls })
}, 120_000)
