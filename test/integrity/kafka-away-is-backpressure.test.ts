import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, it, onTestFinished, vi } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { ensureTopics } from '../../src/sources/kafka/topics.ts'
import { startInstance } from '../../src/stages/instance.ts'
import { canStartKafka, startKafka, uniqueTopics } from '../support/kafka/kafka.ts'
import { callsIn, otlpTraffic, protobufOf } from '../support/otlp-traffic.ts'

const log = pino({ level: 'silent' })

it.skipIf(!(await canStartKafka()))(
  'while the brokers are away, senders are told to come again, readiness says why, and everything arrives afterwards, once',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tw-kafka-away-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const cluster = await startKafka()
    onTestFinished(() => cluster.stop())
    const topics = uniqueTopics()
    const config = configSchema.parse({
      data: { directory },
      otlp: { http: { port: 0 }, grpc: { enabled: false } },
      server: { port: 0 },
      kafka: { brokers: cluster.brokers, topics, eventPartitions: 2, sessionTimeout: '6s' },
    })
    await ensureTopics(
      config.kafka,
      [topics.traces, topics.metrics, topics.logs].map((topic) => ({ topic, partitions: 1 })),
      log,
    )
    const instance = await startInstance(config, { log, version: 'test' })
    onTestFinished(() => instance.stop())
    const requests = otlpTraffic({ now: Date.now() }).requests.slice(0, 12)
    const post = async (request: (typeof requests)[number]) => {
      const headers = { 'content-type': 'application/x-protobuf' }
      const body = protobufOf(request) as Uint8Array<ArrayBuffer>
      const answer = await fetch(`${instance.addresses.otlpHttp}/v1/traces`, { method: 'POST', headers, body })
      return answer.status
    }
    const ready = async () => {
      const answer = await fetch(`${instance.addresses.api}/readyz`)
      return { status: answer.status, text: await answer.text() }
    }
    const stored = () => instance.store.query('SELECT count() AS calls, uniqExact(span_id) AS spans FROM calls')
    const calls = (part: typeof requests) => part.reduce((sum, request) => sum + callsIn(request), 0)

    for (const request of requests.slice(0, 4)) expect(await post(request)).toBe(200)
    // What is in work when the broker dies is part of the test.
    for (const request of requests.slice(4, 6)) expect(await post(request)).toBe(200)
    await cluster.kill(0)
    const refused = post(requests[6]!)
    await vi.waitFor(async () => expect(await ready()).toMatchObject({ status: 503, text: expect.stringMatching(/Kafka|kafka/) }), {
      timeout: 60_000,
      interval: 500,
    })
    expect(await refused).toBe(503)
    await cluster.restart(0)
    for (const request of requests.slice(7))
      await vi.waitFor(async () => expect(await post(request)).toBe(200), { timeout: 60_000, interval: 500 })
    const accepted = [...requests.slice(0, 6), ...requests.slice(7)]
    // The request that was refused may have come into the log all the same: its sender did not hear of it.
    const possible = [calls(accepted), calls(requests)]
    await vi.waitFor(async () => expect(possible).toContain(((await stored()) as [{ calls: number }])[0].calls), {
      timeout: 60_000,
      interval: 500,
    })
    await vi.waitFor(async () => expect((await ready()).status).toBe(200), { timeout: 60_000, interval: 500 })
    const [counts] = (await stored()) as [{ calls: number; spans: number }]
    expect(possible).toContain(counts.calls)
    expect(counts.spans).toBe(counts.calls)
    expect(await instance.store.query('SELECT sum(calls) AS calls FROM calls_by_minute')).toEqual([{ calls: counts.calls }])
  },
  240_000,
)
