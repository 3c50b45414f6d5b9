import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { configSchema } from '../../../src/config/schema.ts'
import { errorCode } from '../../../src/errors.ts'
import { kafkaClient } from '../../../src/sources/kafka/client.ts'
import { kafkaPublisher } from '../../../src/sources/kafka/publisher.ts'
import { forward } from '../../../src/stages/kafka/forward.ts'
import { originsOf } from '../../../src/stages/kafka/origins.ts'
import { openStageTopics } from '../../../src/stages/kafka/topics.ts'
import type { Outgoing } from '../../../src/stages/outcome.ts'
import { kafkaForTests, uniqueName, uniqueTopics } from '../../support/kafka/kafka.ts'

const kafka = await kafkaForTests()
const log = pino({ level: 'silent' })

describe.skipIf(!kafka)('the topics between the stages', () => {
  const configOf = (eventPartitions: number, topics = uniqueTopics()) =>
    configSchema.parse({ kafka: { brokers: kafka!.brokers, groupId: uniqueName('group'), topics, eventPartitions } })

  it('are made with fixed numbers of partitions, once, and refused with others', async () => {
    const config = configOf(3)
    await openStageTopics(config, log)
    await openStageTopics(config, log)
    const admin = kafkaClient(config.kafka, log).admin()
    await admin.connect()
    const { events, observations, claims } = config.kafka.topics
    const { topics } = await admin.fetchTopicMetadata({ topics: [events, observations, claims] })
    await admin.disconnect()
    expect(new Map(topics.map(({ name, partitions }) => [name, partitions.length]))).toEqual(
      new Map([
        [events, 3],
        [observations, 1],
        [claims, 1],
      ]),
    )
    // The clock of a member two days ahead: brokers refuse its times from an hour on, where they do not stamp the records themselves.
    const producer = kafkaClient(config.kafka, log).producer({ allowAutoTopicCreation: false })
    await producer.connect()
    for (const topic of [events, observations, claims])
      await producer.send({ topic, messages: [{ key: 'k', value: 'v', timestamp: String(Date.now() + 2 * 86_400_000) }] })
    await producer.disconnect()
    const other = configOf(4, config.kafka.topics)
    expect(await openStageTopics(other, log).then(() => null, errorCode)).toBe('TW_STAGE_TOPIC_MISMATCH')
  }, 60_000)

  it('take what goes on in its order, however many requests that is, and hear of all partitions before', async () => {
    const config = configOf(2)
    await openStageTopics(config, log)
    const { events } = config.kafka.topics
    const publisher = kafkaPublisher(config.kafka, { log })
    const told = await originsOf(config.kafka, [events, 'there-is-no-such-topic'], 2, log)
    expect(told.map(({ partition, record }) => [partition, record.type === 'time' && record.origin.partition]).sort()).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ])
    const long = 'x'.repeat(1000)
    const outgoing: Outgoing[] = Array.from({ length: 2400 }, (_, watermark) => ({
      partition: watermark % 2,
      record: { type: 'time', origin: { topic: long, epoch: '', partition: 0 }, watermark },
    }))
    const sizes: number[] = []
    await forward(
      {
        publish: (topic, records) => {
          sizes.push(records.length)
          return publisher.publish(topic, records)
        },
      },
      events,
      outgoing,
    )
    await publisher.close()
    expect(sizes.length).toBeGreaterThan(2)
    const admin = kafkaClient(config.kafka, log).admin()
    await admin.connect()
    const ends = await admin.fetchTopicOffsets(events)
    await admin.disconnect()
    expect(ends.map(({ high }) => Number(high))).toEqual([1200, 1200])
  }, 60_000)
})
