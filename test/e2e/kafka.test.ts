import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { pino } from 'pino'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { kafkaPublisher } from '../../src/sources/kafka/publisher.ts'
import { ensureTopics } from '../../src/sources/kafka/topics.ts'
import { startInstance } from '../../src/stages/instance.ts'
import { kafkaForTests, uniqueName, uniqueTopics } from '../support/kafka/kafka.ts'
import { callsIn, otlpTraffic, protobufOf } from '../support/otlp-traffic.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts'

// Comes with sdk-node and is no dependency of its own.
const { OTLPTraceExporter } = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-node'))(
  '@opentelemetry/exporter-trace-otlp-grpc',
)

const kafka = await kafkaForTests()
const log = pino({ level: process.env.DEBUG_LOG ?? 'silent' }, pino.destination(2))
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

describe.skipIf(!kafka)('from Kafka to a signed alert', () => {
  let directory: string
  let receiver: WebhookReceiver

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidewatch-e2e-'))
    receiver = await startWebhookReceiver()
  })

  afterAll(async () => {
    await receiver.close()
    await rm(directory, { recursive: true, force: true })
  })

  it('reads protobuf and JSON in all compressions, counts every call once, and names the attacker', async () => {
    const topics = uniqueTopics()
    const config = configSchema.parse({
      data: { directory },
      kafka: { brokers: kafka!.brokers, groupId: uniqueName('group'), topics },
      otlp: { http: { enabled: false }, grpc: { enabled: false } },
      server: { port: 0 },
      identity: { hash: false },
      webhooks: [{ name: 'soc', url: receiver.url, secret }],
    })
    await ensureTopics(
      config.kafka,
      [topics.traces, topics.metrics, topics.logs].map((topic) => ({ topic, partitions: 1 })),
      log,
    )
    const traffic = otlpTraffic({ now: Date.now() })
    const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
    const publishers = compressions.map((compression) => kafkaPublisher(config.kafka, { log, compression }))
    for (const [index, request] of traffic.requests.entries()) {
      // Five compressions and two encodings: every pair comes up.
      const value = index % 2 === 0 ? protobufOf(request) : Buffer.from(JSON.stringify(request))
      await publishers[index % compressions.length]!.publish(topics.traces, [{ value }])
    }
    await Promise.all(publishers.map((publisher) => publisher.close()))

    const instance = await startInstance(config, { log, version: 'test' })
    try {
      const webhook = await receiver.next(({ body }) => JSON.parse(body).subject.id === traffic.attacker)
      const alert = new Webhook(secret).verify(webhook.body, webhook.headers as Record<string, string>) as { id: string; status: string }
      expect(alert.id).toBe(webhook.id)
      expect(alert.status).toBe('opened')
      await instance.drained()
      const [stored] = await instance.store.query<{ calls: number; distinct: number; counted: number }>(
        `SELECT (SELECT count() FROM calls) AS calls, (SELECT uniqExact(span_id) FROM calls) AS distinct,
                (SELECT sum(calls) FROM calls_by_minute) AS counted`,
      )
      expect(stored).toEqual({ calls: traffic.calls, distinct: traffic.calls, counted: traffic.calls })
      expect(instance.status().deadLetters).toBe(0)
    } finally {
      await instance.stop()
    }
  }, 120_000)

  it('answers OTLP/HTTP and gRPC for what the brokers keep, and reads it back from there', async () => {
    const topics = uniqueTopics()
    const config = configSchema.parse({
      data: { directory: join(directory, 'receiver') },
      kafka: { brokers: kafka!.brokers, groupId: uniqueName('group'), topics },
      otlp: { http: { port: 0 }, grpc: { port: 0 } },
      server: { port: 0 },
    })
    await ensureTopics(
      config.kafka,
      [topics.traces, topics.metrics, topics.logs].map((topic) => ({ topic, partitions: 2 })),
      log,
    )
    const { requests } = otlpTraffic({ now: Date.now(), people: 5 })
    const instance = await startInstance(config, { log, version: 'test' })
    try {
      for (const [index, request] of requests.entries()) {
        const json = index % 2 === 1
        const answer = await fetch(`${instance.addresses.otlpHttp}/v1/traces`, {
          method: 'POST',
          headers: { 'content-type': json ? 'application/json' : 'application/x-protobuf' },
          body: json ? JSON.stringify(request) : protobufOf(request),
        })
        expect(answer.status).toBe(200)
      }
      const exporter = new OTLPTraceExporter({ url: instance.addresses.otlpGrpc!.replace('grpc:', 'http:') })
      const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
      provider
        .getTracer('test')
        .startSpan('chat', { attributes: { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'over-grpc', 'user.id': 'somebody' } })
        .end()
      await provider.forceFlush()
      await provider.shutdown()
      const sent = requests.reduce((calls, request) => calls + callsIn(request), 1)
      const stored = () =>
        instance.store.query<{ calls: number; spans: number }>('SELECT count() AS calls, uniqExact(span_id) AS spans FROM calls')
      await expect.poll(stored, { timeout: 30_000 }).toEqual([{ calls: sent, spans: sent }])
      const [{ topic }] = (await instance.store.query<{ topic: string }>('SELECT any(topic) AS topic FROM calls')) as [{ topic: string }]
      expect(topic).toBe(topics.traces)
    } finally {
      await instance.stop()
    }
  }, 120_000)
})
