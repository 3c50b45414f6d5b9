import { pino } from 'pino'
import { decodeRecord } from '../../../src/routing/record.ts'
import { Seen } from '../../../src/routing/seen.ts'
import { type KafkaConfig, kafkaClient } from '../../../src/sources/kafka/client.ts'
import { rawCluster, readRaw } from '../../../src/sources/kafka/raw-cluster.ts'

/**
 * What detect told decide, by the partition of the events that it was told of, in the order in which it is taken in: repeats left out, as decide
 * does, and so what is no observation.
 */
export async function observationsIn(config: KafkaConfig, topic: string): Promise<Record<string, string[]>> {
  const kafka = kafkaClient(config, pino({ level: 'silent' }))
  const admin = kafka.admin()
  const cluster = rawCluster(kafka)
  await Promise.all([admin.connect(), cluster.connect()])
  const found: Record<string, string[]> = {}
  const seen = new Seen()
  try {
    const [bounds] = await admin.fetchTopicOffsets(topic)
    if (bounds!.high !== bounds!.low) {
      await readRaw(cluster, topic, 0, bounds!.low, ({ offset, value }) => {
        const record = value && value.length > 0 ? decodeRecord(value) : null
        if (record?.type === 'observation' && seen.take(record.position)) {
          const name = `observations of events/${record.position.partition}`
          found[name] ??= []
          found[name].push(JSON.stringify(record))
        }
        return offset === String(Number(bounds!.high) - 1)
      })
    }
  } finally {
    await Promise.all([admin.disconnect(), cluster.disconnect()])
  }
  return found
}
