import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type CompressionTypes, type Message, type Producer } from 'kafkajs'
import type { Logger } from 'pino'
import { TidewatchError } from '../../errors.ts'
import { type KafkaConfig, kafkaClient } from './client.ts'
import { steadyPartitioner } from './partitioner.ts'

export interface PublishRecord {
  readonly value: Uint8Array
  /** Records of one key go to one partition (murmur2, as Java's producer). Null: any partition. */
  readonly key?: string | Uint8Array | null
  /** Where the caller knows better than the key. */
  readonly partition?: number
  readonly headers?: Readonly<Record<string, string>>
}

export interface Publisher {
  /**
   * Resolves when the brokers keep the records (acks=all). Rejects with TW_SOURCE_UNAVAILABLE when they did not say so in time:
   * the records may be there all the same, so sending them again is at least once. Rejects with TW_TELEMETRY_TOO_LARGE for a record
   * that the topic does not take.
   */
  publish(topic: string, records: readonly PublishRecord[]): Promise<void>
  /** Sends what waits, for at most 5 s, then disconnects. Idempotent. */
  close(): Promise<void>
}

export interface PublisherOptions {
  readonly log: Logger
  /** @default 'none' */
  readonly compression?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  /** Attempts of kafkajs at one request, 0.1 to 1 s apart. @default 10 */
  readonly retries?: number
}

interface Waiting {
  readonly topic: string
  readonly messages: Message[]
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

const CLOSE_MS = 5000
const DISCONNECT_MS = 1000

/** Below the brokers' usual limit of 1,048,588 bytes for the record batch of a partition. */
const REQUEST_BYTES = 900_000
/** What a record costs besides key and value, at most, without headers. */
const RECORD_OVERHEAD = 64

function isTooLarge(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if ((at as Error & { type?: string }).type === 'MESSAGE_TOO_LARGE') return true
  return false
}

function toMessage({ value, key, partition, headers }: PublishRecord): Message {
  return {
    value: Buffer.from(value.buffer, value.byteOffset, value.byteLength),
    key: key == null ? null : typeof key === 'string' ? key : Buffer.from(key),
    ...(partition === undefined ? {} : { partition }),
    ...(headers ? { headers: { ...headers } } : {}),
  }
}

class KafkaPublisher implements Publisher {
  private readonly config: KafkaConfig
  private readonly options: PublisherOptions
  private readonly compression: CompressionTypes
  private readonly queue: Waiting[] = []
  private readonly steady = steadyPartitioner()
  private producer: Producer | null = null
  private working: Promise<void> | null = null
  private closed = false

  constructor(config: KafkaConfig, options: PublisherOptions) {
    this.config = config
    this.options = options
    const { None, GZIP, Snappy, LZ4, ZSTD } = kafkajs.CompressionTypes
    this.compression = { none: None, gzip: GZIP, snappy: Snappy, lz4: LZ4, zstd: ZSTD }[options.compression ?? 'none']
  }

  publish(topic: string, records: readonly PublishRecord[]): Promise<void> {
    if (this.closed) return Promise.reject(new TidewatchError('TW_SOURCE_UNAVAILABLE', 'the publisher is closed'))
    if (records.length === 0) return Promise.resolve()
    const messages = records.map(toMessage)
    const bytes = records.reduce(
      (sum, { value, headers }) => sum + value.length + RECORD_OVERHEAD + JSON.stringify(headers ?? '').length,
      0,
    )
    return new Promise((resolve, reject) => {
      this.queue.push({ topic, messages, bytes, resolve, reject })
      this.working ??= this.drain()
    })
  }

  async close(): Promise<void> {
    this.closed = true
    await Promise.race([this.working, sleep(CLOSE_MS, undefined, { ref: false })])
    await Promise.race([this.dropProducer(), sleep(DISCONNECT_MS, undefined, { ref: false })])
  }

  /** One request in flight; what is published meanwhile goes together with the next one. */
  private async drain(): Promise<void> {
    await Promise.resolve()
    while (this.queue.length > 0) {
      const together: Waiting[] = []
      for (let bytes = 0; this.queue.length > 0 && (together.length === 0 || bytes + this.queue[0]!.bytes <= REQUEST_BYTES); ) {
        const next = this.queue.shift()!
        together.push(next)
        bytes += next.bytes
      }
      await this.send(together)
    }
    this.working = null
  }

  private async send(together: readonly Waiting[]): Promise<void> {
    const byTopic = new Map<string, Message[]>()
    for (const { topic, messages } of together) byTopic.set(topic, [...(byTopic.get(topic) ?? []), ...messages])
    for (const messages of byTopic.values()) this.steady.sameRequest(messages)
    try {
      const producer = await this.connected()
      await producer.sendBatch({
        acks: -1,
        compression: this.compression,
        topicMessages: [...byTopic].map(([topic, messages]) => ({ topic, messages })),
      })
      for (const { resolve } of together) resolve()
    } catch (error) {
      // The brokers may hold records under the sequence numbers that kafkajs would use again, for others: begin with a new identity.
      void this.dropProducer()
      if (isTooLarge(error) && together.length > 1) {
        for (const one of together) await this.send([one])
        return
      }
      const { message } = error as Error
      this.options.log.warn({ err: error, requests: together.length }, 'Kafka did not take what was published')
      const code = isTooLarge(error) ? 'TW_TELEMETRY_TOO_LARGE' : 'TW_SOURCE_UNAVAILABLE'
      for (const { reject } of together)
        reject(new TidewatchError(code, `topic ${[...byTopic.keys()].join(', ')}: ${message}`, { cause: error }))
    }
  }

  private async connected(): Promise<Producer> {
    if (this.producer) return this.producer
    const producer = kafkaClient(this.config, this.options.log).producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: this.steady.partitioner,
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: this.options.retries ?? 10 },
    })
    try {
      await producer.connect()
    } catch (error) {
      await producer.disconnect().catch(() => {})
      throw error
    }
    this.producer = producer
    return producer
  }

  private async dropProducer(): Promise<void> {
    const { producer } = this
    this.producer = null
    await producer?.disconnect().catch(() => {})
  }
}

/**
 * Writes to Kafka so that what was acknowledged is not lost: idempotent producer, acks=all, one request in flight, in the
 * order of the calls. Connects when something is published first. Topics are not made here (see `ensureTopics`).
 */
export function kafkaPublisher(config: KafkaConfig, options: PublisherOptions): Publisher {
  return new KafkaPublisher(config, options)
}
