import type { Admin } from 'kafkajs'
import type { StartOptions } from '../source.ts'
import type { OwnedPartition } from './assignment.ts'
import type { KafkaConfig } from './client.ts'
import { committedPlace, type KnownPlace, type Place, placeOf, toldPlace } from './places.ts'
import type { TopicIds } from './topic-ids.ts'

/** Where this process was in each partition, over rejoins and restarts of the consumer: brokers forget a deleted topic's commits. */
export type Memory = Map<string, { epoch: string; position: number }>

export interface Lookups {
  readonly admin: Admin
  readonly ids: TopicIds
  readonly config: KafkaConfig
  readonly memory: Memory
  readonly resume: StartOptions['resume']
}

export interface Settled {
  readonly owned: OwnedPartition
  readonly place: Place
  /** The group's stored place is another one and this one has to be stored before anything is read. */
  readonly unstored: boolean
}

/** What the group stored, or what this process finished beyond it without being able to commit. */
function known(committed: KnownPlace, remembered: { epoch: string; position: number } | undefined): KnownPlace {
  if (!remembered) return committed
  const epoch = committed.epoch ?? remembered.epoch
  if (typeof committed.offset !== 'number') return { offset: remembered.position, epoch }
  return { offset: epoch === remembered.epoch ? Math.max(committed.offset, remembered.position) : committed.offset, epoch }
}

/**
 * Asks the brokers where partitions have to go on. With `trust` 'commits' the group's stored place counts (another member may have
 * moved it), unless `resume` knows better; with 'memory' what this process delivered: kafkajs overwrites the stored place when it is out
 * of range. Rejects while the brokers, or who knows better, do not answer.
 */
export async function settle(partitions: readonly OwnedPartition[], trust: 'commits' | 'memory', lookups: Lookups): Promise<Settled[]> {
  const { admin, ids, config, memory, resume } = lookups
  const topics = [...new Set(partitions.map(({ topic }) => topic))]
  const topicIds = await ids.lookup(topics)
  const stored = await admin.fetchOffsets({ groupId: config.groupId, topics })
  // All at once: who knows better may have to ask the brokers and the store for each.
  const ofTopics = topics.map(async (topic) => {
    const bounds = await admin.fetchTopicOffsets(topic)
    const commits = stored.find((entry) => entry.topic === topic)?.partitions ?? []
    const ofTopic = partitions.filter((each) => each.topic === topic)
    const placed = ofTopic.map(async (owned): Promise<Settled> => {
      const bound = bounds.find(({ partition }) => partition === owned.partition)
      if (!bound) throw new Error(`the brokers do not know ${topic}/${owned.partition}`)
      const commit = commits.find(({ partition }) => partition === owned.partition)
      const committed = committedPlace(commit?.offset ?? '-1', commit?.metadata ?? null)
      const remembered = memory.get(`${topic}/${owned.partition}`)
      const before =
        trust === 'memory' && remembered ? { offset: remembered.position, epoch: remembered.epoch } : known(committed, remembered)
      const topicId = topicIds ? (topicIds.get(topic) ?? null) : null
      if (topicIds && topicId === null) throw new Error(`topic ${topic} does not exist at the moment`)
      const log = { start: Number(bound.low), end: Number(bound.high), topicId }
      const place = placeOf(topic, owned.partition, before, log, config)
      const told = trust === 'commits' ? ((await resume?.(topic, place.epoch, owned.partition)) ?? null) : null
      if (told !== null) return { owned, place: toldPlace(told, topic, owned.partition, before, log, config), unstored: false }
      const chosen = !place.stop || place.gap?.from === place.offset
      return { owned, place, unstored: chosen && (committed.offset !== place.offset || committed.epoch !== place.epoch) }
    })
    return Promise.all(placed)
  })
  return (await Promise.all(ofTopics)).flat()
}
