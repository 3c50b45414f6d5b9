import type { Logger } from 'pino'
import { errorCode, TidewatchError } from '../../errors.ts'
import type { Signal } from '../../telemetry/otlp/records.ts'
import { type OrderedLog, OrderedLogSource } from '../ordered-log.ts'
import type { RecordedLog } from '../recorded-log.ts'
import type { SourceBatch, SourceRecord } from '../source.ts'
import { sourceRecord } from './batch.ts'
import { type KafkaConfig, kafkaClient } from './client.ts'
import { type Lack, type RangePart, type RangeWish, rangeParts, type TopicPlaces } from './range-bounds.ts'
import { type RangeCluster, RangePartition } from './range-partition.ts'
import { privateCluster } from './raw-cluster.ts'
import { topicIds } from './topic-ids.ts'

/** Ranges of topics that can be read again and again. */
export interface KafkaRange {
  readonly parts: readonly RangePart[]
  /** What was asked for and is not there; grows while it is read, where retention goes on. */
  readonly lacks: readonly Lack[]
  /**
   * The records as one log, read anew: of several partitions the record that was appended first comes first (append times of one partition never go
   * back here), then the topic's name, then the partition decides. So the order depends on nothing but the records.
   */
  source(): RecordedLog
  close(): Promise<void>
}

export interface KafkaRangeOptions {
  readonly log: Logger
  /** Records that are left out. @default none */
  readonly leaveOut?: (topic: string, record: SourceRecord) => boolean
  /** @default 5000 */
  readonly transactionPatience?: number
}

/** Where a log ends is asked for with what is not committed yet: the records behind it are waited for. */
const READ_UNCOMMITTED = 0
/** Most records of a batch, and its bytes. */
const BATCH_RECORDS = 1000
const BATCH_BYTES = 4 * 2 ** 20

/**
 * Opens ranges of topics for reading committed records, without any consumer group: nobody's offsets are touched. Throws TW_SOURCE_UNAVAILABLE where the
 * brokers do not answer, and what `rangeParts` throws.
 */
export async function openKafkaRange(config: KafkaConfig, wishes: readonly RangeWish[], options: KafkaRangeOptions): Promise<KafkaRange> {
  const kafka = kafkaClient(config, options.log)
  const create = privateCluster<RangeCluster>(kafka)
  if (!create) throw new TidewatchError('TW_INTERNAL', 'this version of kafkajs has no cluster to reach for')
  const admin = kafka.admin()
  const cluster = create(300_000)
  cluster.isolationLevel = READ_UNCOMMITTED
  const ids = topicIds(kafka)
  const close = async () => {
    await Promise.all([admin.disconnect(), cluster.disconnect(), ids.close()])
  }
  try {
    await Promise.all([admin.connect(), cluster.connect()])
    const brokers: TopicPlaces = { topics: () => admin.listTopics(), places: (topic, at) => placesIn(cluster, topic, at) }
    const { parts, lacks } = await rangeParts(brokers, wishes)
    const epochs = await ids.lookup([...new Set(parts.map(({ topic }) => topic))])
    const noteLack = (lack: Lack) => {
      if (!lacks.some((known) => JSON.stringify(known) === JSON.stringify(lack))) lacks.push(lack)
    }
    const source = () => {
      const cursors = parts.map(
        (part, rank) =>
          new Cursor(
            rank,
            new RangePartition(cluster, part, {
              maxBytes: config.maxBytesPerPartition,
              oldest: async () => (await brokers.places(part.topic, 'start')).get(part.partition) ?? 0,
              onLack: noteLack,
              ...(options.transactionPatience !== undefined && { transactionPatience: options.transactionPatience }),
            }),
            epochs?.get(part.topic) ?? 'r0',
            signalOf(part.topic, config.topics),
            (record) => options.leaveOut?.(part.topic, record) ?? false,
          ),
      )
      const log = new MergedLog(cursors)
      return Object.assign(new OrderedLogSource(log), { progress: () => log.progress() })
    }
    return { parts, lacks, source, close }
  } catch (error) {
    await close().catch(() => {})
    if (errorCode(error) !== null) throw error
    throw new TidewatchError('TW_SOURCE_UNAVAILABLE', `${config.brokers.join(', ')}: ${(error as Error).message}`, { cause: error })
  }
}

async function placesIn(cluster: RangeCluster, topic: string, at: 'start' | 'end' | number): Promise<Map<number, number>> {
  await cluster.addTargetTopic(topic)
  await cluster.refreshMetadata()
  const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => ({ partition: partitionId }))
  const which = typeof at === 'number' ? { fromTimestamp: at } : { fromBeginning: at === 'start' }
  const [found] = await cluster.fetchTopicsOffset([{ topic, partitions, ...which }])
  return new Map(found?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
}

function signalOf(topic: string, { traces, metrics, logs }: KafkaConfig['topics']): Signal | null {
  return topic === traces ? 'traces' : topic === metrics ? 'metrics' : topic === logs ? 'logs' : null
}

/** A partition with the record that comes next. */
class Cursor {
  /** Among cursors whose next records were appended at the same time. */
  readonly rank: number
  readonly partition: RangePartition
  readonly epoch: string
  /** First offset that was not delivered. */
  delivered: number
  private readonly signal: Signal | null
  private readonly leaveOut: (record: SourceRecord) => boolean
  private pending: readonly SourceRecord[] = []
  private taken = 0
  private latest = 0

  constructor(rank: number, partition: RangePartition, epoch: string, signal: Signal | null, leaveOut: (record: SourceRecord) => boolean) {
    this.rank = rank
    this.partition = partition
    this.epoch = epoch
    this.signal = signal
    this.leaveOut = leaveOut
    this.delivered = partition.part.first
  }

  get head(): SourceRecord | undefined {
    return this.pending[this.taken]
  }

  /** When the next record was appended, milliseconds, and no earlier than those before it; infinite at the end. */
  get time(): number {
    return this.head ? Math.max(this.latest, this.head.timestamp) : Number.POSITIVE_INFINITY
  }

  async fill(): Promise<void> {
    while (!this.head) {
      const read = await this.partition.read()
      if (read.length === 0) return
      this.pending = read.map((record) => sourceRecord(record, this.signal)).filter((record) => !this.leaveOut(record))
      this.taken = 0
    }
  }

  take(): SourceRecord {
    const record = this.head!
    this.latest = this.time
    this.taken++
    this.delivered = record.offset + 1
    return record
  }
}

/** Partitions merged by the time that their records were appended. */
class MergedLog implements OrderedLog {
  readonly name = 'kafka'
  readonly topic: string
  private readonly cursors: readonly Cursor[]

  constructor(cursors: readonly Cursor[]) {
    this.cursors = cursors
    this.topic = cursors[0]?.partition.part.topic ?? ''
  }

  async open(): Promise<void> {}

  async read(): Promise<SourceBatch | null> {
    for (const cursor of this.cursors) await cursor.fill()
    const [first, second] = [...this.cursors].sort(order)
    if (!first?.head) return null
    const { topic, partition } = first.partition.part
    const from = first.delivered
    const records: SourceRecord[] = []
    for (let bytes = 0; records.length < BATCH_RECORDS && bytes < BATCH_BYTES && first.head; ) {
      if (second && order(second, first) < 0) break
      const record = first.take()
      records.push(record)
      bytes += record.value.length
    }
    return { topic, epoch: first.epoch, partition, first: from, last: first.delivered - 1, records }
  }

  async commit(): Promise<void> {}

  lag(): number {
    return this.cursors.reduce((sum, { delivered, partition }) => sum + partition.part.end - delivered, 0)
  }

  async close(): Promise<void> {}

  progress(): number {
    const total = this.cursors.reduce((sum, { partition: { part } }) => sum + part.end - part.first, 0)
    const done = this.cursors.reduce(
      (sum, { head, delivered, partition }) => sum + (head ? delivered : partition.next) - partition.part.first,
      0,
    )
    return total === 0 ? 1 : done / total
  }
}

function order(a: Cursor, b: Cursor): number {
  return a.time === b.time ? a.rank - b.rank : a.time - b.time
}
