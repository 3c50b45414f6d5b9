import type { PartitionLag } from '../../sources/source.ts'

/** A partition that is held here. */
export interface HeldPartition {
  readonly topic: string
  readonly epoch: string
  readonly partition: number
  /** Batches that were handled since it is held. */
  readonly handled: number
}

export interface IdleOptions {
  readonly held: () => readonly HeldPartition[]
  readonly lag: () => Promise<readonly PartitionLag[]>
  /** Tells the stage behind that a partition has come to an event time, microseconds. */
  readonly announce: (partition: HeldPartition, watermark: number) => Promise<void>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/**
 * Time passes also where nothing arrives: tells so of the partitions that are read to their end and had nothing since the last call. What it
 * says is a record of the log behind, so that a replay of that log knows it.
 */
export function idleness({ held, lag, announce, now }: IdleOptions): () => Promise<void> {
  let before = new Map<string, number>()
  return async () => {
    const at = now()
    const waiting = new Map((await lag()).map(({ topic, partition, records }) => [`${topic}/${partition}`, records]))
    const current = held()
    const idle = current.filter((each) => {
      const key = `${each.topic}/${each.partition}`
      return waiting.get(key) === 0 && before.get(key) === each.handled
    })
    before = new Map(current.map(({ topic, partition, handled }) => [`${topic}/${partition}`, handled]))
    for (const partition of idle) await announce(partition, at * 1000)
  }
}
