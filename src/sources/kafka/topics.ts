import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin } from 'kafkajs'
import type { Logger } from 'pino'
import { TidewatchError } from '../../errors.ts'
import { type KafkaConfig, kafkaClient } from './client.ts'

export interface TopicPlan {
  readonly topic: string
  readonly partitions: number
  /** @default the broker's default.replication.factor */
  readonly replicationFactor?: number
  /** Topic settings such as `retention.ms`. */
  readonly settings?: Readonly<Record<string, string>>
}

const ATTEMPTS = 10

/** kafkajs gives the reason of a refused topic inside of an aggregate. */
function reasonOf(error: unknown): string {
  const inner = (error as { errors?: { type?: string; message: string }[] }).errors?.[0]
  return inner ? `${inner.type ?? ''} ${inner.message}`.trim() : (error as Error).message
}

function typeOf(error: unknown): string | undefined {
  return (error as { type?: string }).type ?? ((error as Error).cause as { type?: string } | undefined)?.type
}

async function create(admin: Admin, { topic, partitions, replicationFactor = -1, settings = {} }: TopicPlan): Promise<void> {
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
  for (let attempt = 1; ; attempt++) {
    try {
      await admin.createTopics({ topics: [{ topic, numPartitions: partitions, replicationFactor, configEntries }], waitForLeaders: true })
      return
    } catch (error) {
      // Shortly after a broker's start the topic is made, but its leader is not known everywhere yet.
      const settling = ['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'NOT_CONTROLLER'].includes(typeOf(error) ?? '')
      if (!settling || attempt === ATTEMPTS) {
        throw new TidewatchError('TW_SOURCE_UNAVAILABLE', `topic ${topic} cannot be made: ${reasonOf(error)}`, { cause: error })
      }
      await sleep(100 * attempt)
    }
  }
}

export interface TopicThere {
  readonly topic: string
  /** As it is, which may differ from the plan where the topic existed. */
  readonly partitions: number
  readonly made: boolean
}

/**
 * Makes the topics that do not exist and waits until they have leaders; a topic that exists is left as it is.
 * Throws TW_SOURCE_UNAVAILABLE with the broker's reason.
 */
export function ensureTopics(config: KafkaConfig, plans: readonly TopicPlan[], log: Logger): Promise<TopicThere[]> {
  return askBrokers(config, log, async (admin) => {
    const existing = new Set(await admin.listTopics())
    for (const plan of plans) if (!existing.has(plan.topic)) await create(admin, plan)
    const { topics } = await admin.fetchTopicMetadata({ topics: plans.map(({ topic }) => topic) })
    return topics.map(({ name, partitions }) => ({ topic: name, partitions: partitions.length, made: !existing.has(name) }))
  })
}

/** One question to the brokers. Throws TW_SOURCE_UNAVAILABLE with their reason, or the question's own error. */
export async function askBrokers<T>(config: KafkaConfig, log: Logger, ask: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafkaClient(config, log).admin()
  try {
    await admin.connect()
    return await ask(admin)
  } catch (error) {
    if (error instanceof TidewatchError) throw error
    throw new TidewatchError('TW_SOURCE_UNAVAILABLE', (error as Error).message, { cause: error })
  } finally {
    await admin.disconnect().catch(() => {})
  }
}
