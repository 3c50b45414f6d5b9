import type { Logger } from 'pino'
import type { Config } from '../../config/schema.ts'
import { TidewatchError } from '../../errors.ts'
import { ensureTopics, type TopicPlan } from '../../sources/kafka/topics.ts'
import { brokerTime, claimTopicSettings } from './claims.ts'

/** Bytes of a record between the stages, at most: an event with its vectors may be larger than what brokers take by default. */
const MOST_BYTES = 16 * 2 ** 20

/**
 * Makes the topics between the stages where they are missing. Throws TW_STAGE_TOPIC_MISMATCH where one has another number of partitions than the
 * configuration says: keys would be looked for where they are not. Throws TW_SOURCE_UNAVAILABLE while the brokers do not answer.
 */
export async function openStageTopics({ kafka }: Pick<Config, 'kafka'>, log: Logger): Promise<void> {
  const { topics, eventPartitions, replicationFactor, stageRetention } = kafka
  const settings = { ...brokerTime, 'max.message.bytes': String(MOST_BYTES), 'retention.ms': String(Math.round(stageRetention * 1000)) }
  const plans: TopicPlan[] = [
    { topic: topics.events, partitions: eventPartitions, replicationFactor, settings },
    { topic: topics.observations, partitions: 1, replicationFactor, settings },
    { topic: topics.claims, partitions: 1, replicationFactor, settings: claimTopicSettings },
  ]
  const there = await ensureTopics(kafka, plans, log)
  for (const { topic, partitions, made } of there) {
    if (made) log.info({ topic, partitions }, 'made a topic for what goes between the stages')
    const planned = plans.find((plan) => plan.topic === topic)!.partitions
    if (partitions !== planned) {
      throw new TidewatchError('TW_STAGE_TOPIC_MISMATCH', `${topic} has ${partitions} partitions, where ${planned} are expected`)
    }
  }
}
