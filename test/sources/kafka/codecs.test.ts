import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registerCodecs } from '../../../src/sources/kafka/codecs.ts'
import { kafkaForTests, uniqueName } from '../../support/kafka/kafka.ts'
import { Received, Topic } from './fixture.ts'

const kafka = await kafkaForTests()

describe.skipIf(!kafka)('compressed batches', () => {
  let topic: Topic

  beforeAll(async () => {
    topic = await Topic.create(kafka!.brokers)
    registerCodecs()
  })
  afterAll(() => topic.close())

  // Repetitive and random parts, above the 64 KB blocks of LZ4 and the 32 KB chunks of Snappy.
  const values = Array.from(
    { length: 50 },
    (_, i) => `${'abcdefgh'.repeat(300)}${Array.from({ length: 2000 }, (_, j) => ((i * 7919 + j * 104729) % 94) + 33).join('')}`,
  )

  for (const codec of ['GZIP', 'Snappy', 'LZ4', 'ZSTD'] as const) {
    /*
     * The broker is Java: it decompresses and checks what is produced to it, and, where a topic has a codec of its own, it compresses anew.
     * So writing with our codec to a topic of another one proves ours can be read, and reading a topic that the broker compressed proves the way back.
     */
    it(`${codec}: Java reads what we compress, and we read what Java compressed`, async () => {
      const compressedByJava = uniqueName(codec.toLowerCase())
      const compressedByUs = uniqueName(`ours-${codec.toLowerCase()}`)
      const other = codec === 'GZIP' ? 'lz4' : 'gzip'
      await topic.admin.createTopics({
        topics: [
          { topic: compressedByJava, numPartitions: 1, configEntries: [{ name: 'compression.type', value: codec.toLowerCase() }] },
          { topic: compressedByUs, numPartitions: 1, configEntries: [{ name: 'compression.type', value: other }] },
        ],
        waitForLeaders: true,
      })
      await topic.write(values, { topic: compressedByJava })
      await topic.write(values, { topic: compressedByUs, compression: kafkajs.CompressionTypes[codec] })
      const received = new Received()
      const source = await readTopics(topic, [compressedByJava, compressedByUs], 2 * values.length, received)
      await source.stop()
      for (const name of [compressedByJava, compressedByUs]) {
        const texts = received.batches
          .filter((batch) => batch.topic === name)
          .flatMap((batch) => batch.records.map((r) => Buffer.from(r.value).toString()))
        expect(texts).toEqual(values)
      }
    })

    it(`${codec}: what we compress we read`, async () => {
      const name = uniqueName(`round-${codec.toLowerCase()}`)
      await topic.admin.createTopics({ topics: [{ topic: name, numPartitions: 1 }], waitForLeaders: true })
      await topic.write(values, { topic: name, compression: kafkajs.CompressionTypes[codec] })
      const received = new Received()
      const source = await readTopics(topic, [name], values.length, received)
      await source.stop()
      expect(received.texts).toEqual(values)
    })
  }
})

async function readTopics(topic: Topic, names: string[], count: number, received: Received) {
  const [traces, metrics] = names
  const source = topic.source(
    {},
    { topics: { ...topic.config.topics, traces: traces!, ...(metrics ? { metrics } : {}) }, groupId: uniqueName('group') },
  )
  await source.start(received.handler())
  await received.count(count)
  return source
}
