import type { Logger } from 'pino'
import type { KafkaConfig } from '../../sources/kafka/client.ts'
import { askBrokers } from '../../sources/kafka/topics.ts'
import type { Outgoing } from '../outcome.ts'

/**
 * What tells the stage behind, before anything else does, of which partitions it will hear: all of `topics`. Without it the first partition that is
 * read to its end would tell the time for those that are not begun yet, and their past would come late. Those that stay silent are told of as idle.
 *
 * @param behind partitions of the topic behind. Throws TW_SOURCE_UNAVAILABLE while the brokers do not answer.
 */
export function originsOf(config: KafkaConfig, topics: readonly string[], behind: number, log: Logger): Promise<Outgoing[]> {
  return askBrokers(config, log, async (admin) => {
    const existing = new Set(await admin.listTopics())
    const told: Outgoing[] = []
    for (const topic of topics.filter((each) => existing.has(each))) {
      for (const { partition: of } of await admin.fetchTopicOffsets(topic)) {
        for (let partition = 0; partition < behind; partition++) {
          const record = { type: 'time', origin: { topic, epoch: '', partition: of }, watermark: Number.NEGATIVE_INFINITY } as const
          told.push({ partition, record })
        }
      }
    }
    return told
  })
}
