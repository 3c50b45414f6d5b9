import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { kafkaPublisher } from '../../src/sources/kafka/publisher.ts'
import { ensureTopics } from '../../src/sources/kafka/topics.ts'
import { startInstance } from '../../src/stages/instance.ts'
import { kafkaForTests, uniqueName } from '../support/kafka/kafka.ts'
import { otlpTraffic, protobufOf } from '../support/otlp-traffic.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts'

const kafka = await kafkaForTests()
const log = pino({ level: 'silent' })
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
    const topics = { traces: uniqueName('spans'), metrics: uniqueName('metrics'), logs: uniqueName('logs') }
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
      Object.values(topics).map((topic) => ({ topic, partitions: 1 })),
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
})
