import type { Kafka } from 'kafkajs'
import { privateCluster } from './raw-cluster.ts'

/** Metadata, version 10: the first one with topic ids (brokers since 2.8). kafkajs itself speaks version 6. */
const METADATA = 3
const VERSION = 10

interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  readonly brokerPool: { findConnectedBroker(): Promise<Broker> }
}

interface Broker {
  readonly versions: Record<number, { maxVersion: number } | undefined>
  readonly connectionPool: { send(exchange: unknown): Promise<ReadonlyMap<string, string>> }
}

function uvarint(value: number): Buffer {
  const bytes: number[] = []
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80)
  return Buffer.from([...bytes, value])
}

function request(topics: readonly string[]): Buffer {
  const entries = topics.flatMap((topic) => {
    const name = Buffer.from(topic)
    return [Buffer.alloc(16), uvarint(name.length + 1), name, Buffer.from([0])]
  })
  // The first byte ends the flexible header, which kafkajs does not know; at the end: create nothing, no authorised operations, no tags.
  return Buffer.concat([Buffer.from([0]), uvarint(topics.length + 1), ...entries, Buffer.from([0, 0, 0, 0])])
}

/** Reads the parts of a flexible Kafka message that are needed here. */
class Reader {
  private readonly bytes: Buffer
  private at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  skip(count: number): void {
    this.at += count
  }

  int16(): number {
    this.at += 2
    return this.bytes.readInt16BE(this.at - 2)
  }

  uvarint(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }

  take(count: number): Buffer {
    this.at += count
    return this.bytes.subarray(this.at - count, this.at)
  }

  /** Null and empty both come as ''. */
  text(): string {
    return this.take(Math.max(0, this.uvarint() - 1)).toString()
  }

  array(element: () => void): void {
    for (let count = this.uvarint() - 1; count > 0; count--) element()
  }

  tags(): void {
    for (let count = this.uvarint(); count > 0; count--) {
      this.uvarint()
      this.skip(this.uvarint())
    }
  }
}

function response(bytes: Buffer): Map<string, string> {
  const reader = new Reader(bytes)
  const ids = new Map<string, string>()
  reader.tags()
  reader.skip(4)
  reader.array(() => {
    reader.skip(4)
    reader.text()
    reader.skip(4)
    reader.text()
    reader.tags()
  })
  reader.text()
  reader.skip(4)
  reader.array(() => {
    const error = reader.int16()
    const name = reader.text()
    const id = reader.take(16)
    reader.skip(1)
    reader.array(() => {
      reader.skip(2 + 4 + 4 + 4)
      for (let list = 0; list < 3; list++) reader.array(() => reader.skip(4))
      reader.tags()
    })
    reader.skip(4)
    reader.tags()
    if (error === 0 && id.some((byte) => byte !== 0)) ids.set(name, id.toString('base64url'))
  })
  return ids
}

export interface TopicIds {
  /** Ids of the topics that exist, unpadded base64url; null where the brokers are older than topic ids. Rejects while no broker answers. */
  lookup(topics: readonly string[]): Promise<ReadonlyMap<string, string> | null>
  close(): Promise<void>
}

/**
 * Asks the brokers for the ids of topics: a topic that was deleted and created again has another one, whatever its offsets.
 * kafkajs gives no way to send a request of one's own, so this reaches for the connection beneath (its version is pinned);
 * without it, every answer is null and a new topic is recognised by its shorter log only.
 */
export function topicIds(kafka: Kafka): TopicIds {
  const create = privateCluster<Cluster>(kafka)
  let cluster: Cluster | null = null

  async function broker(): Promise<Broker> {
    if (!cluster) {
      const fresh = create!(300_000)
      await fresh.connect()
      cluster = fresh
    }
    return cluster.brokerPool.findConnectedBroker()
  }

  const close = async () => {
    const closing = cluster
    cluster = null
    await closing?.disconnect()
  }

  return {
    async lookup(topics) {
      if (!create) return null
      try {
        const { versions, connectionPool } = await broker()
        if ((versions[METADATA]?.maxVersion ?? 0) < VERSION) return null
        return await connectionPool.send({
          request: {
            apiKey: METADATA,
            apiVersion: VERSION,
            apiName: 'Metadata',
            encode: async () => {
              const bytes = request(topics)
              return { buf: bytes, buffer: bytes }
            },
          },
          response: { decode: async (bytes: Buffer) => response(bytes), parse: async (ids: Map<string, string>) => ids },
        })
      } catch (error) {
        await close().catch(() => {})
        throw error
      }
    },
    close,
  }
}
