import { randomUUID } from 'node:crypto'
import type { Producer } from 'kafkajs'
import type { Logger } from 'pino'
import { TidewatchError } from '../../errors.ts'
import { type KafkaConfig, kafkaClient } from '../../sources/kafka/client.ts'
import { type RawRecord, rawCluster, readRaw } from '../../sources/kafka/raw-cluster.ts'
import type { Claim, Claims } from '../claims.ts'

/** Brokers refuse records of a member whose clock is an hour ahead, unless they stamp them themselves. */
export const brokerTime: Readonly<Record<string, string>> = { 'message.timestamp.type': 'LogAppendTime' }

/** Settings of the topic: small segments, so that old claims are soon compacted away and a new owner reads little. */
export const claimTopicSettings: Readonly<Record<string, string>> = {
  ...brokerTime,
  'cleanup.policy': 'compact',
  'segment.bytes': '1048576',
  'min.cleanable.dirty.ratio': '0.1',
}

export interface KafkaClaims extends Claims {
  /** Whether nobody else has asked for the newest claim of a partition since this process did, as the brokers see it now. */
  holds(topic: string, partition: number): Promise<boolean>
  /** Whether a claim can be made without asking for the newest one before, as far as this process knows. */
  owns(topic: string, partition: number): boolean
  /** Gives a partition up. */
  release(topic: string, partition: number): Promise<void>
  close(): Promise<void>
}

export interface KafkaClaimsOptions {
  readonly config: KafkaConfig
  /** A compacted topic of one partition. */
  readonly topic: string
  readonly log: Logger
}

/** Milliseconds after which the brokers abort a transaction that a dead owner left open. */
const TRANSACTION_TIMEOUT = 10_000
const ABORT_MARKER = Buffer.from([0, 0, 0, 0])

/**
 * Claims in a compacted topic of Kafka, where any member can hold any partition.
 *
 * Commits of a consumer group fence nobody; transactions do. Every partition of every log has a transactional id of its own, and `latest` makes
 * its caller the owner of it: from then on the brokers refuse every transaction that an earlier owner begins or wants to commit, however
 * long it slept. A claim is one such transaction.
 *
 * `latest` first writes a record of its own and then reads the topic up to it. What is committed by then stands before it, whatever a
 * broker thinks of the end of its log; transactions of this partition are all decided, because the fence came first.
 */
export function kafkaClaims({ config, topic, log }: KafkaClaimsOptions): KafkaClaims {
  const kafka = kafkaClient(config, log)
  const owned = new Map<string, Producer>()
  /** A producer makes one transaction after the other. */
  const turns = new WeakMap<Producer, Promise<unknown>>()
  const name = (of: string, partition: number) => `${config.groupId}/${of}/${partition}`

  const drop = async (id: string, producer: Producer) => {
    if (owned.get(id) === producer) owned.delete(id)
    await producer.disconnect().catch(() => {})
  }

  const write = (producer: Producer, key: string, value: string): Promise<void> => {
    const turn = (turns.get(producer) ?? Promise.resolve()).then(async () => {
      const transaction = await producer.transaction()
      await transaction.send({ topic, acks: -1, messages: [{ partition: 0, key, value }] })
      await transaction.commit()
    })
    turns.set(
      producer,
      turn.catch(() => {}),
    )
    return turn
  }

  /** Puts a new owner in the place of all earlier ones. */
  const fence = async (id: string): Promise<Producer> => {
    const before = owned.get(id)
    if (before) await drop(id, before)
    const producer = kafka.producer({
      transactionalId: id,
      transactionTimeout: TRANSACTION_TIMEOUT,
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      // Each transaction meets the end of the one before at the broker and asks again after this long.
      retry: { initialRetryTime: 10, maxRetryTime: 500, retries: 12 },
    })
    await producer.connect()
    return producer
  }

  /** The newest committed value under `key`, as far as the record with the value `until`. */
  const newest = async (key: string, until: string): Promise<string | null> => {
    const admin = kafka.admin()
    const cluster = rawCluster(kafka)
    try {
      await Promise.all([admin.connect(), cluster.connect()])
      const [bounds] = await admin.fetchTopicOffsets(topic)
      let committed: string | null = null
      const open = new Map<string, string>()
      await readRaw(cluster, topic, 0, bounds?.low ?? '0', (record: RawRecord) => {
        const { producerId } = record.batchContext
        const value = open.get(producerId)
        if (record.isControlRecord) {
          if (value !== undefined && !record.key?.equals(ABORT_MARKER)) committed = value
          open.delete(producerId)
          return false
        }
        if (record.value?.toString() === until) return true
        if (record.key?.toString() === key && record.value) open.set(producerId, record.value.toString())
        return false
      })
      // Compaction takes the marker of a transaction away, but never that of an aborted one before its records.
      return [...open.values()].at(-1) ?? committed
    } finally {
      await Promise.all([admin.disconnect(), cluster.disconnect()].map((closing) => closing.catch(() => {})))
    }
  }

  return {
    async latest(of, epoch, partition) {
      const id = name(of, partition)
      try {
        const producer = await fence(id)
        try {
          const mark = randomUUID()
          await write(producer, `${id} owner`, mark)
          const text = await newest(id, mark)
          owned.set(id, producer)
          const claim = text === null ? null : (JSON.parse(text) as Claim)
          return claim?.epoch === epoch ? claim : null
        } catch (error) {
          await drop(id, producer)
          throw error
        }
      } catch (error) {
        throw new TidewatchError('TW_SOURCE_UNAVAILABLE', `claims of ${of}/${partition}: ${(error as Error).message}`, { cause: error })
      }
    },

    async claim(claim) {
      const id = name(claim.topic, claim.partition)
      const producer = owned.get(id)
      if (!producer) throw new TidewatchError('TW_SOURCE_UNAVAILABLE', `${id} is not owned here: its claims have to be read first`)
      try {
        await write(producer, id, JSON.stringify(claim))
      } catch (error) {
        // Whether it was committed is not known, and who comes back must see what others did meanwhile: only `latest` makes an owner again.
        await drop(id, producer)
        throw new TidewatchError('TW_SOURCE_UNAVAILABLE', `${id} cannot be claimed: ${(error as Error).message}`, { cause: error })
      }
    },

    async holds(of, partition) {
      const id = name(of, partition)
      const producer = owned.get(id)
      if (!producer) return false
      try {
        await write(producer, `${id} owner`, randomUUID())
        return true
      } catch (error) {
        log.info({ err: error, topic: of, partition }, 'a partition was claimed by another member meanwhile, or the brokers are away')
        await drop(id, producer)
        return false
      }
    },

    owns: (of, partition) => owned.has(name(of, partition)),

    async release(of, partition) {
      const id = name(of, partition)
      const producer = owned.get(id)
      if (producer) await drop(id, producer)
    },

    async close() {
      await Promise.all([...owned].map(([id, producer]) => drop(id, producer)))
    },
  }
}
