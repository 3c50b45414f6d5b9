import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PartitionLag } from '../source.ts'
import type { OwnedPartition } from './assignment.ts'

export interface Watched {
  /** Partitions that are owned now; only those that are read and fetched are watched. */
  partitions(): readonly OwnedPartition[]
  /** True while a handler works: then it is the handler that takes its time. */
  busy(): boolean
  lag(): Promise<readonly PartitionLag[]>
  /** Milliseconds without a step, though there are records, that are too many. */
  readonly patience: number
  readonly over: AbortSignal
}

/**
 * Resolves when kafkajs does not bring the records that a partition has; it may lose sight of a leader that moved, without an
 * error. Never resolves otherwise. Brokers that do not answer are no stall.
 */
export async function stall({ partitions, busy, lag, patience, over }: Watched): Promise<Error> {
  let seen = new Map<OwnedPartition, { fetchFrom: number; since: number }>()
  for (;;) {
    await sleep(patience / 6, undefined, { signal: over }).catch(() => {})
    if (over.aborted) return new Promise(() => {})
    if (busy()) {
      seen.clear()
      continue
    }
    const lags = await lag().catch(() => [])
    const now = performance.now()
    const before = seen
    seen = new Map()
    for (const owned of partitions()) {
      const { topic, partition, fetchFrom } = owned
      const records = lags.find((each) => each.topic === topic && each.partition === partition)?.records ?? 0
      if (owned.state !== 'reading' || !owned.fetching || records === 0) continue
      const mark = before.get(owned)
      const since = mark?.fetchFrom === fetchFrom ? mark.since : now
      seen.set(owned, { fetchFrom, since })
      if (now - since > patience)
        return new Error(`no records of ${topic}/${partition} arrived for ${patience} ms, though there are ${records}`)
    }
  }
}
