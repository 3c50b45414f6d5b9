import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, it, onTestFinished, vi } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { startInstance } from '../../src/stages/instance.ts'
import { startClickHouse } from '../support/clickhouse-http/start.ts'
import { callsIn, otlpTraffic, protobufOf } from '../support/otlp-traffic.ts'

it('while ClickHouse is away, has too many parts, or cuts connections, senders are served, readiness says why, and everything arrives afterwards, once', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tw-away-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const clickhouse = await startClickHouse()
  onTestFinished(() => clickhouse.stop())
  const config = configSchema.parse({
    data: { directory },
    otlp: { http: { port: 0 }, grpc: { enabled: false } },
    server: { port: 0 },
    store: { url: `${clickhouse.url}/tidewatch` },
  })
  const instance = await startInstance(config, { log: pino({ level: 'silent' }), version: 'test' })
  onTestFinished(() => instance.stop())
  const requests = otlpTraffic({ now: Date.now() }).requests.slice(0, 24)
  const feed = async (part: typeof requests) => {
    for (const request of part) {
      const headers = { 'content-type': 'application/x-protobuf' }
      const body = protobufOf(request) as Uint8Array<ArrayBuffer>
      expect((await fetch(`${instance.addresses.otlpHttp}/v1/traces`, { method: 'POST', headers, body })).status).toBe(200)
    }
  }
  const ready = async () => {
    const answer = await fetch(`${instance.addresses.api}/readyz`)
    return { status: answer.status, text: await answer.text() }
  }
  const refusedFor = (why: RegExp) =>
    vi.waitFor(async () => expect(await ready()).toMatchObject({ status: 503, text: expect.stringMatching(why) }), { timeout: 15_000 })

  await feed(requests.slice(0, 4))
  await instance.drained()
  await clickhouse.down()
  await feed(requests.slice(4, 8))
  await refusedFor(/the store does not take writes since .*ECONNREFUSED|the store does not answer/)
  await clickhouse.up()

  await clickhouse.fault({ kind: 'exception', code: 252, name: 'TOO_MANY_PARTS', times: 3, table: 'calls' })
  await feed(requests.slice(8, 12))
  await instance.drained()
  await clickhouse.fault({ kind: 'cut', when: 'before', table: 'calls' })
  await feed(requests.slice(12, 16))
  await instance.drained()
  await clickhouse.fault({ kind: 'cut', when: 'after', table: 'calls' })
  await clickhouse.fault({ kind: 'cut', when: 'after', table: 'ranges' })
  await feed(requests.slice(16))
  await instance.drained()

  expect(await clickhouse.faultsLeft()).toBe(0)
  expect((await ready()).status).toBe(200)
  const calls = requests.reduce((sum, request) => sum + callsIn(request), 0)
  expect(await instance.store.query('SELECT count() AS calls, uniqExact(span_id) AS spans FROM calls')).toEqual([{ calls, spans: calls }])
  expect(await instance.store.query('SELECT sum(calls) AS calls FROM calls_by_minute')).toEqual([{ calls }])
}, 90_000)
