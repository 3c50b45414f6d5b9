import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kafkaPublisher } from '../../../src/sources/kafka/publisher.ts'
import { ensureTopics } from '../../../src/sources/kafka/topics.ts'
import { kafkaForTests, uniqueName } from '../../support/kafka/kafka.ts'
import { Received, silent, Topic } from './fixture.ts'

const kafka = await kafkaForTests()

describe.skipIf(!kafka)('publishing to Kafka', () => {
  let topic: Topic
  beforeAll(async () => {
    topic = await Topic.create(kafka!.brokers, 3)
  })
  afterAll(() => topic.close())

  async function readAll(name: string, count: number): Promise<Received> {
    const received = new Received()
    const source = topic.source({}, { groupId: uniqueName('group'), topics: { ...topic.config.topics, traces: name } })
    await source.start(received.handler())
    await received.count(count)
    await source.stop()
    return received
  }

  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    it(`keeps every record, the order of each key, and headers (${compression})`, async () => {
      const name = uniqueName('published')
      await ensureTopics(topic.config, [{ topic: name, partitions: 3 }], silent)
      const publisher = kafkaPublisher(topic.config, { log: silent, compression })
      const publishes: Promise<void>[] = []
      for (let i = 0; i < 200; i++) {
        publishes.push(publisher.publish(name, [{ key: `k${i % 7}`, value: Buffer.from(`${i}`), headers: { n: `${i}` } }]))
      }
      await Promise.all(publishes)
      await publisher.close()
      const received = await readAll(name, 200)
      expect(received.texts).toHaveLength(200)
      expect(new Set(received.texts).size).toBe(200)
      for (let key = 0; key < 7; key++) {
        const mine = received.batches.flatMap((batch) =>
          batch.records
            .filter((record) => Number(record.headers.n) % 7 === key)
            .map((record) => ({ partition: batch.partition, n: Number(record.headers.n) })),
        )
        expect(new Set(mine.map(({ partition }) => partition)).size).toBe(1)
        expect(mine.map(({ n }) => n)).toEqual([...mine.map(({ n }) => n)].sort((a, b) => a - b))
      }
    })
  }

  it('spreads records without a key over the partitions, and puts those with a partition there', async () => {
    const name = uniqueName('published')
    await ensureTopics(topic.config, [{ topic: name, partitions: 3 }], silent)
    const publisher = kafkaPublisher(topic.config, { log: silent })
    for (let i = 0; i < 6; i++) await publisher.publish(name, [{ value: Buffer.from(`free-${i}`) }])
    await publisher.publish(name, [{ value: Buffer.from('placed'), partition: 2, key: 'k' }])
    await publisher.close()
    const received = await readAll(name, 7)
    for (const partition of [0, 1, 2]) {
      const free = received.batches
        .filter((batch) => batch.partition === partition)
        .flatMap((batch) => batch.records.map((r) => Buffer.from(r.value).toString()))
        .filter((text) => text.startsWith('free'))
      expect(free).toHaveLength(2)
    }
    const placed = received.batches.find((batch) => batch.records.some((record) => Buffer.from(record.value).toString() === 'placed'))
    expect(placed?.partition).toBe(2)
  })

  it('refuses the one record that is too large and takes the others that were published beside it', async () => {
    const name = uniqueName('published')
    await topic.admin.createTopics({
      topics: [{ topic: name, numPartitions: 1, configEntries: [{ name: 'max.message.bytes', value: '10000' }] }],
      waitForLeaders: true,
    })
    const publisher = kafkaPublisher(topic.config, { log: silent })
    const outcomes = await Promise.allSettled([
      publisher.publish(name, [{ value: Buffer.from('small-1') }]),
      publisher.publish(name, [{ value: Buffer.alloc(20_000) }]),
      publisher.publish(name, [{ value: Buffer.from('small-2') }]),
    ])
    await publisher.close()
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect((outcomes[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'TW_TELEMETRY_TOO_LARGE' })
    expect((await readAll(name, 2)).texts).toEqual(['small-1', 'small-2'])
  })

  it('sends more than one request holds without exceeding the limit of a batch', async () => {
    const name = uniqueName('published')
    await ensureTopics(topic.config, [{ topic: name, partitions: 1 }], silent)
    const publisher = kafkaPublisher(topic.config, { log: silent })
    await Promise.all(Array.from({ length: 30 }, () => publisher.publish(name, [{ value: Buffer.alloc(300_000, 1) }])))
    await publisher.close()
    expect((await readAll(name, 30)).texts).toHaveLength(30)
  })

  it('says within seconds that no broker answers, and that it is closed', async () => {
    const publisher = kafkaPublisher({ ...topic.config, brokers: ['127.0.0.1:1'] }, { log: silent, retries: 1 })
    await expect(publisher.publish('any', [{ value: Buffer.from('x') }])).rejects.toMatchObject({ code: 'TW_SOURCE_UNAVAILABLE' })
    await publisher.close()
    await publisher.close()
    await expect(publisher.publish('any', [{ value: Buffer.from('x') }])).rejects.toMatchObject({ code: 'TW_SOURCE_UNAVAILABLE' })
  })
})

describe.skipIf(!kafka)('making topics', () => {
  it('makes what is missing and leaves what is there', async () => {
    const topic = await Topic.create(kafka!.brokers)
    const name = uniqueName('made')
    const plan = { topic: name, partitions: 3, settings: { 'retention.ms': '60000' } }
    expect(await ensureTopics(topic.config, [plan], silent)).toEqual([{ topic: name, partitions: 3, made: true }])
    expect(await ensureTopics(topic.config, [{ topic: name, partitions: 5 }], silent)).toEqual([
      { topic: name, partitions: 3, made: false },
    ])
    const { resources } = await topic.admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name, configNames: ['retention.ms'] }],
    })
    expect(resources[0]!.configEntries[0]!.configValue).toBe('60000')
    await topic.close()
  })

  it('gives the reason of the brokers when they refuse', async () => {
    const topic = await Topic.create(kafka!.brokers)
    const plan = { topic: uniqueName('made'), partitions: 1, replicationFactor: 99 }
    await expect(ensureTopics(topic.config, [plan], silent)).rejects.toThrow('INVALID_REPLICATION_FACTOR')
    await topic.close()
  })
})
