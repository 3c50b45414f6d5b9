import type { Admin } from 'kafkajs'
import type { PartitionLag } from '../../sources/source.ts'

/** A partition of a source's topic that is held here. */
export interface HeldPartition {
  readonly topic: string
  readonly epoch: string
  readonly partition: number
  /** Batches that were handled since it is held. */
  readonly handled: number
}

export interface IdleOptions {
  readonly admin: Pick<Admin, 'fetchOffsets' | 'fetchTopicOffsets' | 'listTopics'>
  readonly groupId: string
  readonly topics: readonly string[]
  readonly held: () => readonly HeldPartition[]
  readonly lag: () => Promise<readonly PartitionLag[]>
  /** Tells the stage behind that a partition has come to an event time, microseconds. */
  readonly announce: (partition: HeldPartition, watermark: number) => Promise<void>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/**
 * Time passes also where nothing arrives: tells so of the partitions that are read to their end and had nothing since the last call. What it
 * says is a record of the log behind, so that a replay of that log knows it. Says nothing while any partition of the topics was never read from,
 * by whatever member: the stage behind does not know of it yet, and its past would come late.
 */
export function idleness({ admin, groupId, topics, held, lag, announce, now }: IdleOptions): () => Promise<void> {
  let before = new Map<string, number>()
  const allBegun = async (): Promise<boolean> => {
    const existing = new Set(await admin.listTopics())
    const there = topics.filter((topic) => existing.has(topic))
    const commits = await admin.fetchOffsets({ groupId, topics: there })
    for (const { topic, partitions } of commits) {
      for (const { partition, high, low } of await admin.fetchTopicOffsets(topic)) {
        const committed = Number(partitions.find((each) => each.partition === partition)?.offset ?? -1)
        if (Number(high) > Number(low) && committed <= Number(low)) return false
      }
    }
    return true
  }
  return async () => {
    const at = now()
    const waiting = new Map((await lag()).map(({ topic, partition, records }) => [`${topic}/${partition}`, records]))
    const current = held()
    const idle = current.filter((each) => {
      const key = `${each.topic}/${each.partition}`
      return waiting.get(key) === 0 && before.get(key) === each.handled
    })
    before = new Map(current.map(({ topic, partition, handled }) => [`${topic}/${partition}`, handled]))
    if (idle.length === 0 || !(await allBegun())) return
    for (const partition of idle) await announce(partition, at * 1000)
  }
}
