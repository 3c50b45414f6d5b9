import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { type Config, configSchema, type StageName } from '../../../src/config/schema.ts'
import type { JournalRecord } from '../../../src/sources/journal/frame.ts'
import { kafkaClient } from '../../../src/sources/kafka/client.ts'
import { kafkaPublisher } from '../../../src/sources/kafka/publisher.ts'
import { ensureTopics } from '../../../src/sources/kafka/topics.ts'
import { type Instance, startInstance } from '../../../src/stages/instance.ts'
import { openStore } from '../../../src/store/open.ts'
import type { Store } from '../../../src/store/store.ts'
import type { TestServer } from '../../support/clickhouse-http/start.ts'
import { uniqueName, uniqueTopics } from '../../support/kafka/kafka.ts'
import { mixedLog } from '../../support/mixed-log.ts'

const log = pino({ level: process.env.TEST_LOG ?? 'silent' }, pino.destination(2))

/** The identity key of all members. */
export const key = Buffer.alloc(32, 7)

/** A log with a bit of everything, as producers write it into topics: without Tidewatch's own records. */
export const telemetry = () => mixedLog().filter(({ value }) => value.length > 0)

/** Topics, groups and a database of their own, and members in this process, which come and go. */
export interface TestDeployment {
  readonly config: Config
  join(stages?: readonly StageName[]): Promise<Instance>
  leave(member: Instance): Promise<void>
  /** Writes into the partitions of the topics of telemetry in turns. */
  publish(records: readonly JournalRecord[]): Promise<void>
  /** Resolves once everything is stored that stands in the topics, those between the stages too. */
  rest(): Promise<void>
  store: Store
  close(): Promise<void>
}

export async function testDeployment(
  brokers: readonly string[],
  server: TestServer,
  { events = 12, sources = 1, changed = {} }: { events?: number; sources?: number; changed?: object },
): Promise<TestDeployment> {
  const directory = await mkdtemp(join(tmpdir(), 'tw-members-'))
  const settings = {
    identity: { key: key.toString('base64') },
    otlp: { http: { enabled: false }, grpc: { enabled: false } },
    server: { port: 0 },
    // The log is of one day for ever, and Kafka stamps it today.
    ingest: { clock: { maxPast: '36500d' } },
    store: { url: server.url, database: uniqueName('members').replaceAll('-', '_') },
    kafka: { brokers: [...brokers], groupId: uniqueName('group'), topics: uniqueTopics(), eventPartitions: events, sessionTimeout: '6s' },
    ...changed,
  }
  const config = configSchema.parse(settings)
  const { topics } = config.kafka
  await ensureTopics(
    config.kafka,
    [topics.traces, topics.metrics, topics.logs].map((topic) => ({ topic, partitions: sources })),
    log,
  )
  const publisher = kafkaPublisher(config.kafka, { log })
  const members = new Set<Instance>()
  let joined = 0
  let sent = 0
  const store = await openStore(config, 'reader')
  const admin = kafkaClient(config.kafka, log).admin()
  await admin.connect()
  /** Whether the store has ranges up to the end of a topic. */
  const stored = async (topic: string) => {
    const rows = await store.query<{ partition: number; last: number }>(
      'SELECT partition, max(last) AS last FROM ranges WHERE topic = {topic:String} GROUP BY partition',
      { topic },
    )
    const lasts = new Map(rows.map(({ partition, last }) => [partition, last]))
    const ends = await admin.fetchTopicOffsets(topic)
    return ends.every(({ partition, high }) => Number(high) === 0 || lasts.get(partition) === Number(high) - 1)
  }
  return {
    config,
    store,
    async join(stages = config.stages) {
      const data = { ...config.data, directory: join(directory, `member-${joined++}`) }
      const member = await startInstance({ ...config, stages: [...stages], data }, { log, version: 'test' })
      members.add(member)
      return member
    },
    async leave(member) {
      members.delete(member)
      await member.stop()
    },
    async publish(records) {
      for (const { signal, value, headers } of records)
        await publisher.publish(topics[signal], [{ value, headers, partition: sent++ % sources }])
    },
    async rest() {
      for (const topic of [topics.traces, topics.metrics, topics.logs, topics.events, topics.observations])
        while (!(await stored(topic))) await new Promise((resolve) => setTimeout(resolve, 200))
    },
    async close() {
      await Promise.all([...members].map((member) => member.stop()))
      await Promise.all([publisher.close(), admin.disconnect()])
      await store.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
