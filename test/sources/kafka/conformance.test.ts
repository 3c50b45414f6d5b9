import { describe } from 'vitest'
import { kafkaForTests } from '../../support/kafka/kafka.ts'
import { sourceConformance } from '../conformance.ts'
import { Topic } from './fixture.ts'

const kafka = await kafkaForTests()

describe.skipIf(!kafka)('on a real broker', () => {
  sourceConformance('Kafka', { live: true, ends: false, remembers: true, seeks: true }, async () => {
    const topic = await Topic.create(kafka!.brokers, 2)
    return {
      partitions: 2,
      write: (partition, values) =>
        topic.write(
          values.map((value) => Buffer.from(value).toString()),
          { partition },
        ),
      open: () => topic.source(),
      close: () => topic.close(),
    }
  })
})
