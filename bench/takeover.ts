import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { configSchema } from '../src/config/schema.ts'
import { kafkaPublisher } from '../src/sources/kafka/publisher.ts'
import { ensureTopics } from '../src/sources/kafka/topics.ts'
import { openStore } from '../src/store/open.ts'
import { commonSettings } from '../test/faults/instance.ts'
import { type Member, startMember } from '../test/faults/member.ts'
import { startClickHouse } from '../test/support/clickhouse-http/start.ts'
import { startKafka, uniqueTopics } from '../test/support/kafka/kafka.ts'
import { otlpTraffic, protobufOf } from '../test/support/otlp-traffic.ts'
import type { Report } from './support/report.ts'

const SOURCES = 4
const SESSION = 10
const log = pino({ level: 'silent' })

/** Seconds in which a partition is not read on when a member of two leaves, dies, or sleeps; the other one takes its partitions over. */
export async function run(): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), 'tw-takeover-'))
  const [cluster, server] = await Promise.all([startKafka({ brokers: 1 }), startClickHouse()])
  const topics = uniqueTopics()
  const { webhooks: _, ...common } = commonSettings('http://127.0.0.1:9/')
  const settings = {
    ...common,
    otlp: { http: { enabled: false }, grpc: { enabled: false } },
    kafka: { brokers: cluster.brokers, topics, sessionTimeout: `${SESSION}s` },
    store: { url: server.url },
    // Steady members have a checkpoint at most ten minutes old; these have one of the last seconds.
    state: { checkpointEvery: { records: 200 } },
  }
  const config = configSchema.parse(settings)
  await ensureTopics(
    config.kafka,
    [topics.traces, topics.metrics, topics.logs].map((topic) => ({ topic, partitions: SOURCES })),
    log,
  )
  const publisher = kafkaPublisher(config.kafka, { log })
  const over = new AbortController()
  const feeding = feed(publisher, topics.traces, over.signal)
  const start = async (name: string): Promise<Member> => {
    const member = await startMember(join(directory, name), settings, {})
    await member.watching
    return member
  }
  const steady = await start('steady')
  const store = await openStore(config, 'reader')
  /** Ends of the stored ranges of all partitions. */
  const places = async () => {
    const rows = await store.query<{ place: string; last: number }>(
      "SELECT concat(topic, '/', toString(partition)) AS place, max(last) AS last FROM ranges GROUP BY place",
    )
    return new Map(rows.map(({ place, last }) => [place, last]))
  }
  /** Longest time in which one of the partitions that get records all the time did not get on, seconds. */
  const gap = async (disturb: () => void, seconds: number): Promise<number> => {
    const since = new Map<string, { last: number; at: number }>()
    let longest = 0
    const begun = performance.now()
    disturb()
    while (performance.now() - begun < seconds * 1000) {
      const now = performance.now()
      for (const [place, last] of await places()) {
        if (!place.startsWith(topics.traces) && !place.startsWith(topics.events)) continue
        const before = since.get(place)
        if (before?.last === last) longest = Math.max(longest, now - before.at)
        else since.set(place, { last, at: now })
      }
      await sleep(100)
    }
    return longest / 1000
  }

  await sleep(15_000)
  const calm = await gap(() => {}, 10)
  const other = await start('leaving')
  await sleep(10_000)
  const leaving = await gap(() => other.kill('SIGTERM'), 20)
  await other.ended
  let joining = 0
  const dying = await (async () => {
    let member!: Promise<Member>
    joining = await gap(() => {
      member = start('dying')
    }, 25)
    const found = await member
    await sleep(5000)
    const longest = await gap(() => found.kill('SIGKILL'), SESSION + 25)
    await found.ended
    return longest
  })()
  const sleeper = await start('sleeping')
  await sleep(10_000)
  const sleeping = await gap(() => sleeper.kill('SIGSTOP'), SESSION + 25)
  const waking = await gap(() => sleeper.kill('SIGCONT'), 20)

  over.abort()
  await feeding
  for (const member of [steady, sleeper]) {
    member.kill('SIGKILL')
    await member.ended
  }
  await Promise.all([publisher.close(), store.close()])
  await Promise.all([cluster.stop(), server.stop()])
  await rm(directory, { recursive: true, force: true })
  const row = (name: string, seconds: number) => [name, seconds.toFixed(1)]
  return {
    title: 'who goes on when a member comes, leaves or dies',
    about: `All stages in each of two members, one broker of Kafka, the store over HTTP, all on this machine; ${SOURCES} partitions of spans with ten requests a second, 12 of events, a session of ${SESSION} s. Longest time in which a partition of spans or events did not get on, its stored ranges looked at ten times a second. State is saved every 200 records here; the default is ten minutes of event time, and what lies behind the last checkpoint is read again besides.`,
    columns: ['', 'seconds'],
    rows: [
      row('nothing happens', calm),
      row('a member joins', joining),
      row('a member leaves in order (SIGTERM)', leaving),
      row('a member dies (SIGKILL)', dying),
      row('a member sleeps (SIGSTOP)', sleeping),
      row('it wakes up', waking),
    ],
    promises: [
      { text: 'in order: below 10 s', measured: Math.max(joining, leaving).toFixed(1), kept: Math.max(joining, leaving) < 10 },
      {
        text: 'after a death: below a session and 10 s',
        measured: Math.max(dying, sleeping).toFixed(1),
        kept: Math.max(dying, sleeping) < SESSION + 10,
      },
    ],
  }
}

async function feed(publisher: ReturnType<typeof kafkaPublisher>, topic: string, over: AbortSignal): Promise<void> {
  const { requests } = otlpTraffic({ now: Date.now(), people: 40 })
  for (let next = 0; !over.aborted; next++) {
    const value = protobufOf(requests[next % requests.length]!)
    await publisher.publish(topic, [{ value, partition: next % SOURCES }]).catch(() => {})
    await sleep(100)
  }
}
