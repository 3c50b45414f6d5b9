import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { configSchema } from '../../src/config/schema.ts'
import { kafkaPublisher } from '../../src/sources/kafka/publisher.ts'
import { ensureTopics } from '../../src/sources/kafka/topics.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { startClickHouse } from '../support/clickhouse-http/start.ts'
import { startKafka, uniqueName } from '../support/kafka/kafka.ts'
import type { Comparison, Deployment } from './deployment.ts'
import { commonSettings, waitForRest } from './instance.ts'
import { type Member, startMember } from './member.ts'

const PARTITIONS = 2
const log = pino({ level: 'silent' })

/** Two members of one group over a real broker or three, into a server. */
export async function kafkaDeployment(brokers: 1 | 3, webhookUrl: string): Promise<Deployment> {
  const directory = await mkdtemp(join(tmpdir(), 'tw-faults-'))
  const [cluster, server] = await Promise.all([startKafka({ brokers }), startClickHouse()])
  const topics = { traces: uniqueName('spans'), metrics: uniqueName('metrics'), logs: uniqueName('logs') }
  const settings = (groupId: string, database: string, webhooks: boolean) => {
    const { webhooks: receivers, ...common } = commonSettings(webhookUrl)
    return {
      ...common,
      otlp: { http: { enabled: false }, grpc: { enabled: false } },
      kafka: { brokers: cluster.brokers, groupId, topics, sessionTimeout: '3s' },
      store: { url: server.url, database, requestTimeout: '1s' },
      webhooks: webhooks ? receivers : [],
    }
  }
  const disturbed = settings('disturbed', 'disturbed', true)
  const { kafka } = configSchema.parse(disturbed)
  const plans = Object.values(topics).map((topic) => ({ topic, partitions: PARTITIONS }))
  await ensureTopics(kafka, plans, log)
  const publisher = kafkaPublisher(kafka, { log, retries: 100 })
  let next = 0

  return {
    server,
    cluster,
    settings: (member) => ({ directory: join(directory, `member-${member}`), config: disturbed, args: [] }),
    async send({ signal, value }) {
      const partition = next++ % PARTITIONS
      return publisher.publish(topics[signal], [{ value, partition }]).then(
        () => true,
        () => false,
      )
    },
    settled: async (members) => void (await Promise.all(members.map(waitForRest))),
    async compare(): Promise<Comparison> {
      const calm = settings('undisturbed', 'undisturbed', false)
      const member = await startMember(join(directory, 'undisturbed'), calm, {})
      await waitForRest(member)
      await end(member)
      const [found, expected] = await Promise.all([disturbed, calm].map((each) => recordsIn(each, topics.traces)))
      return {
        differences: missing(found!, expected!),
        webhooks: null,
        rows: Object.fromEntries([...expected!].map(([table, rows]) => [table, rows.size])),
      }
    },
    async close() {
      await publisher.close()
      await Promise.all([cluster.stop(), server.stop()])
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function end(member: Member): Promise<void> {
  member.kill('SIGTERM')
  await member.ended
}

/** Tables whose rows come from a record of the topics alone, whatever came before it. */
const ofRecords = ['calls', 'tool_calls', 'training_samples', 'training_updates', 'metric_points', 'dead_letters']

/**
 * Records that caused rows, by table. A call that waited for its parent stands at the record that it was given out with, which over several partitions
 * may be any: those outside of the topic of spans are left out.
 */
async function recordsIn(settings: object, traces: string): Promise<Map<string, Set<string>>> {
  const store: Store = await openStore(configSchema.parse(settings), 'reader')
  const found = new Map<string, Set<string>>()
  for (const table of ofRecords) {
    const rows = await store.query<object>(
      `SELECT DISTINCT topic, partition, offset FROM ${table} WHERE topic = {traces:String} OR '${table}' != 'calls'`,
      { traces },
    )
    found.set(table, new Set(rows.map((row) => JSON.stringify(row))))
  }
  await store.close()
  return found
}

/**
 * Over several partitions ranges are not claimed and state is not saved yet, so what is compared is weaker than over one log: each record caused rows in
 * the tables in which it does so in an undisturbed run.
 */
function missing(found: ReadonlyMap<string, ReadonlySet<string>>, expected: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  return [...expected].flatMap(([table, records]) => {
    const lost = [...records].filter((record) => !found.get(table)!.has(record))
    const foreign = [...found.get(table)!].filter((record) => !records.has(record))
    return lost.length + foreign.length === 0
      ? []
      : [`${table}: ${lost.length} of ${records.size} records lost (${lost[0]}), ${foreign.length} foreign (${foreign[0]})`]
  })
}
