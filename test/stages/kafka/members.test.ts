import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { configSchema, type StageName } from '../../../src/config/schema.ts'
import { OutcomeBuilder } from '../../../src/stages/outcome.ts'
import { Stages } from '../../../src/stages/stages.ts'
import { keyedHash } from '../../../src/telemetry/hasher.ts'
import { createMapper } from '../../../src/telemetry/map.ts'
import { bookkeeping } from '../../faults/bookkeeping.ts'
import { startClickHouse, type TestServer } from '../../support/clickhouse-http/start.ts'
import { kafkaForTests } from '../../support/kafka/kafka.ts'
import { differences, storedRows } from '../../support/stored-rows.ts'
import { key, type TestDeployment, telemetry, testDeployment } from './deployment.ts'

const kafka = await kafkaForTests()
const all: readonly StageName[] = ['ingest', 'detect', 'decide']
const log = telemetry()

/** Subjects of incidents that plain calls open over the same log. */
function plainly(): string[] {
  const config = configSchema.parse({ ingest: { clock: { maxPast: '36500d' } } })
  const stages = new Stages(config, createMapper(config, keyedHash(key)))
  const outcome = new OutcomeBuilder()
  const batch = { topic: 't', epoch: 'e', partition: 0, first: 0, last: log.length - 1, records: [] }
  for (const [offset, record] of log.entries()) stages.apply(batch, { ...record, offset, timestamp: Date.now() }, outcome)
  return [...new Set(outcome.alerts.map(({ category, subject }) => `${category} ${subject.kind} ${subject.id}`))].sort()
}

describe.skipIf(!kafka)('the stages over Kafka', () => {
  let server: TestServer
  const opened: TestDeployment[] = []

  beforeAll(async () => {
    server = await startClickHouse()
  }, 60_000)

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((each) => each.close()))
  }, 60_000)

  afterAll(() => server.stop())

  const deploy = async (options: Parameters<typeof testDeployment>[2]) => {
    const deployment = await testDeployment(kafka!.brokers, server, options)
    opened.push(deployment)
    return deployment
  }
  const subjects = async ({ store }: TestDeployment) => {
    const rows = await store.query<{ about: string }>(
      "SELECT DISTINCT concat(category, ' ', subject_kind, ' ', subject) AS about FROM alerts ORDER BY about",
    )
    return rows.map(({ about }) => about)
  }

  it.each([
    { events: 1, members: [all] },
    { events: 4, members: [['ingest'], ['detect'], ['decide']] },
    { events: 12, members: [all, all, all] },
  ] as { events: number; members: (readonly StageName[])[] }[])(
    'give the same incidents about the same subjects as plain calls: $events partitions, members $members',
    async ({ events, members }) => {
      const expected = plainly()
      expect(expected.length).toBeGreaterThan(0)
      const deployment = await deploy({ events })
      await Promise.all(members.map((stages) => deployment.join(stages)))
      await deployment.publish(log)
      await expect.poll(() => subjects(deployment), { timeout: 90_000, interval: 300 }).toEqual(expected)
      await deployment.rest()
      expect(await subjects(deployment)).toEqual(expected)
      expect(await bookkeeping(deployment.store)).toEqual([])
    },
    150_000,
  )

  it('members that come and go in the middle of a batch store every row once, and leave ranges without gaps', async () => {
    const [calm, moved] = [await deploy({ events: 4, sources: 3 }), await deploy({ events: 4, sources: 3 })]
    const parts = [0, 1, 2, 3].map((part) => log.slice((part * log.length) / 4, ((part + 1) * log.length) / 4))
    const only = await calm.join()
    await calm.publish(log)
    await calm.rest()
    await calm.leave(only)

    const first = await moved.join()
    await moved.publish(parts[0]!)
    const second = await moved.join()
    await moved.publish(parts[1]!)
    await moved.leave(first)
    await moved.publish(parts[2]!)
    await moved.join()
    await moved.publish(parts[3]!)
    await moved.rest()
    await moved.leave(second)
    await moved.rest()

    const [found, expected] = await Promise.all(
      [moved, calm].map(async ({ store, config }) => ofTelemetry(await storedRows(store), config)),
    )
    expect(expected!.calls!.length).toBeGreaterThan(100)
    expect(differences(found!, expected!)).toEqual([])
    expect(await bookkeeping(moved.store)).toEqual([])
  }, 180_000)
})

/** Rows of the tables that come from a record of telemetry alone, under names of topics that two deployments have in common. */
function ofTelemetry(rows: Record<string, string[]>, { kafka: { topics } }: { kafka: { topics: Record<string, string> } }) {
  const tables = ['calls', 'tool_calls', 'training_samples', 'training_updates', 'metric_points', 'dead_letters', 'calls_by_minute']
  // Epochs are ids of the topics, and dead letters have the time at which the brokers took them.
  const named = (row: string) =>
    ['traces', 'metrics', 'logs']
      .reduce((text, name) => text.replaceAll(topics[name]!, name), row)
      .replace(/"epoch":"[^"]*",/, '')
      .replace(/^{"time":"[^"]*","code"/, '{"code"')
  return Object.fromEntries(tables.map((table) => [table, rows[table]!.map(named).sort()]))
}
