import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { type Config, configSchema, type StageName } from '../../src/config/schema.ts'
import { kafkaPublisher } from '../../src/sources/kafka/publisher.ts'
import { ensureTopics } from '../../src/sources/kafka/topics.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { startClickHouse } from '../support/clickhouse-http/start.ts'
import { startKafka, uniqueTopics } from '../support/kafka/kafka.ts'
import { observationsIn } from '../support/kafka/observations.ts'
import { differences, storedRows } from '../support/stored-rows.ts'
import { startWebhookReceiver } from '../support/webhook-receiver.ts'
import { bookkeeping } from './bookkeeping.ts'
import type { Comparison, Deployment } from './deployment.ts'
import { commonSettings, waitForRest } from './instance.ts'
import { startMember } from './member.ts'

const SOURCE_PARTITIONS = 2
const EVENT_PARTITIONS = 3
const log = pino({ level: 'silent' })

/** Two members of one deployment, all stages in each, over a real broker or three, into a server. */
export async function kafkaDeployment(brokers: 1 | 3, webhookUrl: string): Promise<Deployment> {
  const directory = await mkdtemp(join(tmpdir(), 'tw-faults-'))
  const [cluster, server] = await Promise.all([startKafka({ brokers }), startClickHouse()])
  const topics = uniqueTopics()
  const settings = (groupId: string, database: string, url: string, changed: Partial<Config['kafka']['topics']>) => ({
    ...commonSettings(url),
    otlp: { http: { enabled: false }, grpc: { enabled: false } },
    kafka: {
      brokers: cluster.brokers,
      groupId,
      topics: { ...topics, ...changed },
      sessionTimeout: '3s',
      eventPartitions: EVENT_PARTITIONS,
      replicationFactor: brokers,
    },
    store: { url: server.url, database, requestTimeout: '1s' },
  })
  const disturbed = settings('disturbed', 'disturbed', webhookUrl, {})
  const { kafka } = configSchema.parse(disturbed)
  await ensureTopics(
    kafka,
    [topics.traces, topics.metrics, topics.logs].map((topic) => ({ topic, partitions: SOURCE_PARTITIONS })),
    log,
  )
  const publisher = kafkaPublisher(kafka, { log, retries: 100 })
  let next = 0

  /**
   * The logs of record are the topics of telemetry and those between the stages. Each stage reads again what the disturbed one read; what it writes
   * goes elsewhere.
   */
  const undisturbed = async () => {
    const receiver = await startWebhookReceiver()
    const other = uniqueTopics()
    const calm = (changed: Partial<Config['kafka']['topics']>) => settings('undisturbed', 'undisturbed', receiver.url, changed)
    const lives: readonly (readonly [StageName, object])[] = [
      ['ingest', calm({ events: other.events, observations: other.observations, claims: other.claims })],
      ['detect', calm({ observations: other.observations, claims: other.claims })],
      ['decide', calm({ events: other.events, claims: other.claims })],
    ]
    // One after the other: they make the same tables and topics.
    for (const [stage, config] of lives) {
      const member = await startMember(join(directory, `undisturbed-${stage}`), config, {}, { args: ['--stages', stage] })
      await waitForRest(member)
      member.kill('SIGTERM')
      await member.ended
    }
    await receiver.close()
    return { config: calm({}), observations: other.observations }
  }

  return {
    server,
    cluster,
    settings: (member) => ({ directory: join(directory, `member-${member}`), config: disturbed, args: [] }),
    async send({ signal, value }) {
      const partition = next++ % SOURCE_PARTITIONS
      return publisher.publish(topics[signal], [{ value, partition }]).then(
        () => true,
        () => false,
      )
    },
    // Twice: what one member had in work may lie before the other by now.
    async settled(members) {
      for (let time = 0; time < 2; time++) await Promise.all(members.map(waitForRest))
    },
    async compare(): Promise<Comparison> {
      const calm = await undisturbed()
      const found = await contents(disturbed, async (store) => ({ rows: await storedRows(store), kept: await bookkeeping(store) }))
      const expected = await contents(calm.config, async (store) => ({ rows: await storedRows(store), webhooks: await outbox(store) }))
      const [said, saidAgain] = await Promise.all([topics.observations, calm.observations].map((topic) => observationsIn(kafka, topic)))
      return {
        differences: [...differences(found.rows, expected.rows), ...differences(said!, saidAgain!), ...found.kept],
        webhooks: expected.webhooks,
        rows: Object.fromEntries(Object.entries(expected.rows).map(([table, rows]) => [table, rows.length])),
      }
    },
    async close() {
      await publisher.close()
      await Promise.all([cluster.stop(), server.stop()])
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function contents<T>(settings: object, read: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(configSchema.parse(settings), 'reader')
  return read(store).finally(() => store.close())
}

/** Bodies by id. */
async function outbox(store: Store): Promise<Map<string, string>> {
  const rows = await store.query<{ id: string; body: string }>("SELECT id, body FROM webhook_deliveries WHERE state = 'pending'")
  return new Map(rows.map(({ id, body }) => [id, body]))
}
