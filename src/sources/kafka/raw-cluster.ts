import type { Kafka } from 'kafkajs'

/** A record as the brokers hold it, of a transaction that may have been aborted. */
export interface RawRecord {
  readonly offset: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** Not data: the end of a transaction, told by the key. */
  readonly isControlRecord: boolean
  readonly batchContext: { readonly producerId: string }
}

export interface RawBroker {
  fetch(request: object): Promise<{
    readonly responses: readonly { readonly partitions: readonly { readonly messages: readonly RawRecord[] }[] }[]
  }>
}

/** The connections beneath kafkajs, for requests that it has no call for. Its version is pinned. */
export interface RawCluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Record<string, number[]>
  findBroker(which: { readonly nodeId: string }): Promise<RawBroker>
}

/**
 * Makes a cluster of kafkajs' own, which it has no public way to; null where kafkajs is not the one that this was written for. `C` says which
 * parts of it are used; `metadataMaxAge` in milliseconds.
 */
export function privateCluster<C>(kafka: Kafka): ((metadataMaxAge: number) => C) | null {
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === 'private:Kafka:createCluster')
  const create = symbol && (kafka as unknown as Record<symbol, (options: object) => C>)[symbol]
  return create ? (metadataMaxAge) => create.call(kafka, { metadataMaxAge, allowAutoTopicCreation: false }) : null
}

/** Throws where kafkajs is not the one that this was written for. */
export function rawCluster(kafka: Kafka): RawCluster {
  const create = privateCluster<RawCluster>(kafka)
  if (!create) throw new Error('this version of kafkajs has no cluster to reach for')
  return create(5000)
}

const READ_UNCOMMITTED = 0
const THIS_IS_A_CONSUMER = -1

/**
 * Gives every record of a partition to `each`, from the oldest on, until that returns true. Without a consumer group: joining one
 * takes seconds. Transactions are not looked at. Rejects when the broker does not answer, or the log ends for longer than 10 s.
 */
export async function readRaw(cluster: RawCluster, topic: string, partition: number, start: string, each: (record: RawRecord) => boolean) {
  await cluster.addTargetTopic(topic)
  const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))
  if (nodeId === undefined) throw new Error(`${topic}/${partition} has no leader`)
  const broker = await cluster.findBroker({ nodeId })
  let next = BigInt(start)
  for (const end = performance.now() + 10_000; performance.now() < end; ) {
    const { responses } = await broker.fetch({
      replicaId: THIS_IS_A_CONSUMER,
      isolationLevel: READ_UNCOMMITTED,
      maxWaitTime: 100,
      minBytes: 1,
      topics: [{ topic, partitions: [{ partition, fetchOffset: String(next), maxBytes: 2 ** 20 }] }],
    })
    for (const record of responses.flatMap(({ partitions }) => partitions.flatMap(({ messages }) => messages))) {
      // A batch comes whole, also what was asked for before.
      if (BigInt(record.offset) < next) continue
      next = BigInt(record.offset) + 1n
      if (each(record)) return
    }
  }
  throw new Error(`${topic}/${partition} does not go on behind ${next}`)
}
