import pino from 'pino'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { configSchema } from '../../../src/config/schema.ts'
import { errorCode } from '../../../src/errors.ts'
import { type KafkaConfig, kafkaClient } from '../../../src/sources/kafka/client.ts'
import { ensureTopics } from '../../../src/sources/kafka/topics.ts'
import type { Claim } from '../../../src/stages/claims.ts'
import { claimTopicSettings, type KafkaClaims, kafkaClaims } from '../../../src/stages/kafka/claims.ts'
import { kafkaForTests, uniqueName } from '../../support/kafka/kafka.ts'

const kafka = await kafkaForTests()
const log = pino({ level: 'silent' })

describe.skipIf(!kafka)('claims in Kafka', () => {
  const topic = uniqueName('claims')
  const opened: KafkaClaims[] = []
  let config: KafkaConfig

  beforeAll(async () => {
    config = configSchema.parse({ kafka: { brokers: kafka!.brokers } }).kafka
    await ensureTopics(config, [{ topic, partitions: 1, settings: claimTopicSettings }], log)
  }, 120_000)

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((claims) => claims.close()))
  })

  const member = (group: string): KafkaClaims => {
    const claims = kafkaClaims({ config: { ...config, groupId: group }, topic, log })
    opened.push(claims)
    return claims
  }
  const claim = (first: number, last: number, partition = 0): Claim => ({
    ...{ topic: 'events', epoch: 'e', partition, first, last },
    ...{ salt: 'salt', format: 1 },
  })
  const refused = (attempt: Promise<unknown>) => expect(attempt.then(() => null, errorCode)).resolves.toBe('TW_SOURCE_UNAVAILABLE')

  it('the newest claim of the partition, the group and the epoch is found by whoever comes', async () => {
    const group = uniqueName('group')
    const first = member(group)
    expect(await first.latest('events', 'e', 0)).toBeNull()
    await first.claim(claim(0, 9))
    await first.claim(claim(10, 14))
    expect(await first.latest('events', 'e', 1)).toBeNull()
    await first.claim(claim(0, 3, 1))
    const second = member(group)
    expect(await second.latest('events', 'e', 0)).toEqual(claim(10, 14))
    expect(await second.latest('events', 'e', 1)).toEqual(claim(0, 3, 1))
    expect(await second.latest('events', 'another', 0)).toBeNull()
    expect(await member(uniqueName('group')).latest('events', 'e', 0)).toBeNull()
  }, 60_000)

  it('an owner that slept while another one came can claim nothing any more, now and ever after', async () => {
    const group = uniqueName('group')
    const [old, young] = [member(group), member(group)]
    await old.latest('events', 'e', 0)
    await old.claim(claim(0, 9))
    expect(await young.latest('events', 'e', 0)).toEqual(claim(0, 9))
    await refused(old.claim(claim(10, 99)))
    await young.claim(claim(10, 19))
    await refused(old.claim(claim(10, 99)))
    expect(await member(group).latest('events', 'e', 0)).toEqual(claim(10, 19))
  }, 60_000)

  it('an owner that slept in the middle of a claim leaves nothing behind, and does not keep the next one waiting', async () => {
    const group = uniqueName('group')
    const old = member(group)
    await old.latest('events', 'e', 0)
    await old.claim(claim(0, 9))
    // The same transactional id, stopped between its record and its commit.
    const asleep = kafkaClient(config, log).producer({ transactionalId: `${group}/events/0`, idempotent: true, maxInFlightRequests: 1 })
    await asleep.connect()
    const transaction = await asleep.transaction()
    await transaction.send({ topic, messages: [{ partition: 0, key: `${group}/events/0`, value: JSON.stringify(claim(10, 99)) }] })
    const young = member(group)
    const begun = performance.now()
    expect(await young.latest('events', 'e', 0)).toEqual(claim(0, 9))
    expect(performance.now() - begun).toBeLessThan(5000)
    await expect(transaction.commit()).rejects.toThrow()
    await young.claim(claim(10, 19))
    expect(await member(group).latest('events', 'e', 0)).toEqual(claim(10, 19))
    await asleep.disconnect()
  }, 60_000)

  it('many owners at once: the last to come holds the partition, and a claim takes some hundredths of a second', async () => {
    const group = uniqueName('group')
    const members = [0, 1, 2, 3].map(() => member(group))
    await Promise.allSettled(members.map((each) => each.latest('events', 'e', 0)))
    const outcomes = await Promise.allSettled(members.map((each, index) => each.claim(claim(0, index))))
    const winners = outcomes.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []))
    expect(winners.length).toBeLessThanOrEqual(1)
    const found = await member(group).latest('events', 'e', 0)
    expect(found).toEqual(winners.length === 1 ? claim(0, winners[0]!) : null)
    const alone = member(group)
    await alone.latest('events', 'e', 0)
    const begun = performance.now()
    for (let range = 0; range < 20; range++) await alone.claim(claim(10 * range, 10 * range + 9))
    const each = (performance.now() - begun) / 20
    if (process.env.TEST_LOG) console.info(`${each.toFixed(1)} ms a claim`)
    expect(each).toBeLessThan(300)
  }, 60_000)

  it('an owner can ask whether it still is one, and give the partition up', async () => {
    const group = uniqueName('group')
    const [old, young] = [member(group), member(group)]
    expect(await old.holds('events', 0)).toBe(false)
    await old.latest('events', 'e', 0)
    await old.claim(claim(0, 9))
    // A claim and a question at once: one transaction after the other.
    await Promise.all([old.claim(claim(10, 19)), expect(old.holds('events', 0)).resolves.toBe(true)])
    expect(old.owns('events', 0)).toBe(true)
    await young.latest('events', 'e', 0)
    // It does not know yet, but the brokers do.
    expect(old.owns('events', 0)).toBe(true)
    expect(await old.holds('events', 0)).toBe(false)
    expect(old.owns('events', 0)).toBe(false)
    await young.release('events', 0)
    expect(young.owns('events', 0)).toBe(false)
    await refused(young.claim(claim(20, 29)))
  }, 60_000)
})
