import { setTimeout as sleep } from 'node:timers/promises'
import { TidewatchError } from '../../errors.ts'
import { type AbortedTransaction, committedRecords, type FetchedRecord } from './committed.ts'
import type { Lack, RangePart } from './range-bounds.ts'
import type { RawCluster } from './raw-cluster.ts'

interface FetchedPartition {
  readonly lastStableOffset: string
  readonly abortedTransactions: readonly AbortedTransaction[]
  readonly messages: readonly FetchedRecord[]
}

/** What a range needs of the connections beneath kafkajs. */
export interface RangeCluster extends Omit<RawCluster, 'findBroker'> {
  /** Of `fetchTopicsOffset`. */
  isolationLevel: number
  refreshMetadata(): Promise<void>
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[]
  fetchTopicsOffset(
    topics: readonly object[],
  ): Promise<readonly { readonly partitions: readonly { partition: number; offset: string }[] }[]>
  findBroker(which: { readonly nodeId: string }): Promise<{
    fetch(request: object): Promise<{ readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[] }>
  }>
}

export interface PartitionOptions {
  readonly maxBytes: number
  /** The oldest offset that the log holds by now. */
  readonly oldest: () => Promise<number>
  readonly onLack: (lack: Lack) => void
  /** Milliseconds that a transaction that is not ended is waited for. @default 5000 */
  readonly transactionPatience?: number
}

const READ_COMMITTED = 1
const THIS_IS_A_CONSUMER = -1
/** Brokers that move a partition need some seconds. */
const ATTEMPTS = 12
const BACKOFF_MS = 250
/** A fetch that brings nothing of what is there is repeated so often; then the offset is taken to hold no record any more (compaction). */
const EMPTY_FETCHES = 3

/** Reads the committed records of one partition's range, in order, by requests of its own: no group hears of it. */
export class RangePartition {
  readonly part: RangePart
  /** Offset up to which everything was fetched. */
  next: number
  private readonly cluster: RangeCluster
  private readonly options: PartitionOptions
  private empty = 0

  constructor(cluster: RangeCluster, part: RangePart, options: PartitionOptions) {
    this.cluster = cluster
    this.part = part
    this.options = options
    this.next = part.first
  }

  /** The next records, at least one; none only at the end. Throws TW_SOURCE_UNAVAILABLE when no broker answers for some seconds. */
  async read(): Promise<FetchedRecord[]> {
    let heldSince: number | null = null
    while (this.next < this.part.end) {
      const { records, stable } = await this.fetch()
      if (records.length > 0) return records
      if (this.next < stable || this.next >= this.part.end) continue
      heldSince ??= performance.now()
      if (performance.now() - heldSince > (this.options.transactionPatience ?? 5000)) this.giveUp('open-transaction', this.part.end)
    }
    return []
  }

  private async fetch(): Promise<{ records: FetchedRecord[]; stable: number }> {
    for (let attempt = 1; ; attempt++) {
      try {
        return this.take(await this.request())
      } catch (error) {
        if ((error as { type?: string }).type === 'OFFSET_OUT_OF_RANGE') {
          const oldest = await this.options.oldest()
          if (oldest > this.next) this.giveUp('retention', Math.min(oldest, this.part.end))
          if (this.next >= this.part.end) return { records: [], stable: this.next }
        }
        if (attempt === ATTEMPTS) {
          const where = `${this.part.topic}/${this.part.partition}`
          throw new TidewatchError('TW_SOURCE_UNAVAILABLE', `${where} at ${this.next}: ${(error as Error).message}`, { cause: error })
        }
        await sleep(BACKOFF_MS)
        await this.cluster.refreshMetadata().catch(() => {})
      }
    }
  }

  private async request(): Promise<FetchedPartition> {
    const { cluster, options, next } = this
    const { topic, partition } = this.part
    await cluster.addTargetTopic(topic)
    const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))
    if (nodeId === undefined) throw new Error(`${topic}/${partition} has no leader`)
    const broker = await cluster.findBroker({ nodeId })
    const { responses } = await broker.fetch({
      replicaId: THIS_IS_A_CONSUMER,
      isolationLevel: READ_COMMITTED,
      maxWaitTime: 200,
      minBytes: 1,
      topics: [{ topic, partitions: [{ partition, fetchOffset: String(next), maxBytes: options.maxBytes }] }],
    })
    return responses[0]!.partitions[0]!
  }

  private take({ messages, abortedTransactions, lastStableOffset }: FetchedPartition): { records: FetchedRecord[]; stable: number } {
    const { next } = this
    const { end } = this.part
    // A batch comes whole, also what was asked for before.
    const records = committedRecords(messages, abortedTransactions).filter(({ offset }) => Number(offset) >= next && Number(offset) < end)
    const behind = Math.max(next, ...messages.slice(-1).map(({ offset }) => Number(offset) + 1))
    const stable = Number(lastStableOffset)
    this.empty = behind > next ? 0 : this.empty + 1
    this.next = Math.min(end, behind)
    if (this.empty > EMPTY_FETCHES && this.next < Math.min(end, stable)) {
      this.next++
      this.empty = 0
    }
    return { records, stable }
  }

  private giveUp(reason: Lack['reason'], to: number): void {
    const { topic, partition } = this.part
    this.options.onLack({ topic, partition, reason, from: this.next, to })
    this.next = to
  }
}
