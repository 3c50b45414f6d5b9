import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configSchema } from '../../../src/config/schema.ts'
import { ensureTopics } from '../../../src/sources/kafka/topics.ts'
import type { SourceBatch } from '../../../src/sources/source.ts'
import { type KafkaClaims, kafkaClaims } from '../../../src/stages/kafka/claims.ts'
import { Pipeline } from '../../../src/stages/pipeline.ts'
import { PoisonGuard } from '../../../src/stages/poison.ts'
import { Stages } from '../../../src/stages/stages.ts'
import { batchRows } from '../../../src/store/rows.ts'
import { keyedHash } from '../../../src/telemetry/hasher.ts'
import { createMapper } from '../../../src/telemetry/map.ts'
import { kafkaForTests, uniqueName } from '../../support/kafka/kafka.ts'
import { type World, worlds } from '../harness.ts'
import { key, telemetry } from './deployment.ts'

const kafka = await kafkaForTests()
const log = pino({ level: 'silent' })
const config = configSchema.parse({ ingest: { clock: { maxPast: '36500d' } } })
const records = telemetry()
  .slice(0, 30)
  .map((record, offset) => ({ ...record, offset, timestamp: 1_790_000_000_000 }))
const context = { heartbeat: async () => {}, owned: () => true }

describe.skipIf(!kafka)('a member that slept while another one took its partition', () => {
  const topic = uniqueName('claims')
  const { kafka: settings } = configSchema.parse({ kafka: { brokers: kafka?.brokers ?? [] } })
  const opened: KafkaClaims[] = []
  let all: Awaited<ReturnType<typeof worlds>>

  beforeAll(async () => {
    await ensureTopics(settings, [{ topic, partitions: 1 }], log)
    all = await worlds()
  }, 120_000)

  afterAll(async () => {
    await Promise.all(opened.map((claims) => claims.close()))
    await all?.close()
  })

  const member = (group: string, { store }: World) => {
    const claims = kafkaClaims({ config: { ...settings, groupId: group }, topic, log })
    opened.push(claims)
    return new Pipeline({
      createStages: () => new Stages(config, createMapper(config, keyedHash(key))),
      guard: new PoisonGuard(1, 1000),
      base: { salt: 'same', format: 1 },
      stored: async (...place) => (await store.lastRange(...place))?.last ?? null,
      claims,
      checkpoints: null,
      write: ({ range, base, outcome }) => store.write({ range, base, rows: batchRows({ ...outcome, deliveries: [] }) }),
      written: () => {},
    })
  }
  const batch = (first: number, last: number): SourceBatch => ({
    ...{ topic: 'spans', epoch: 'e', partition: 0, first, last },
    records: records.slice(first, last + 1),
  })
  /** The sleeper has read up to 19 when the other one took over and cut its ranges elsewhere. Rows of `calls`, and the same once each. */
  const sleeps = async (groupOfSleeper: string, groupOfOther: string) => {
    const world = await all.create()
    const [sleeper, other] = [member(groupOfSleeper, world), member(groupOfOther, world)]
    await sleeper.handle(batch(0, 9), context)
    await other.handle(batch(0, 14), context)
    const woken = await sleeper.handle(batch(10, 19), context).then(
      () => 'wrote',
      (error: { code: string }) => error.code,
    )
    await other.handle(batch(15, 29), context)
    const [rows] = await world.store.query<{ all: number; once: number }>(
      'SELECT count() AS all, uniqExact(topic, partition, offset, event_index) AS once FROM calls',
    )
    return { woken, ...rows! }
  }

  it('can write nothing any more', async () => {
    const group = uniqueName('group')
    const { woken, all, once } = await sleeps(group, group)
    expect(woken).toBe('TW_SOURCE_UNAVAILABLE')
    expect(all).toBeGreaterThan(50)
    expect(all).toBe(once)
  }, 60_000)

  it('would write rows twice without the fence', async () => {
    const { woken, all, once } = await sleeps(uniqueName('group'), uniqueName('group'))
    expect(woken).toBe('wrote')
    expect(all).toBeGreaterThan(once)
  }, 60_000)
})
