import kafkajs, { type Admin, type Kafka } from 'kafkajs'
import pino from 'pino'
import { configSchema } from '../../../src/config/schema.ts'
import type { KafkaConfig } from '../../../src/sources/kafka/client.ts'
import { kafkaClient } from '../../../src/sources/kafka/client.ts'
import type { Gap } from '../../../src/sources/kafka/places.ts'
import { type KafkaSourceDependencies, kafkaSource } from '../../../src/sources/kafka/source.ts'
import { ensureTopics } from '../../../src/sources/kafka/topics.ts'
import type { BatchContext, Source, SourceBatch } from '../../../src/sources/source.ts'
import { uniqueName } from '../../support/kafka/kafka.ts'

export const silent = pino({ level: process.env.TEST_LOG ?? 'silent' }, pino.destination(2))

type Overrides = Partial<KafkaConfig>

/** A topic and a group of a test's own, with what tests do to them. */
export class Topic {
  readonly config: KafkaConfig
  readonly topic: string
  readonly kafka: Kafka
  readonly admin: Admin
  readonly gaps: Gap[] = []
  private readonly partitions: number
  private readonly opened: Source[] = []
  private producer: ReturnType<Kafka['producer']> | null = null

  private constructor(brokers: string[], partitions: number, overrides: Overrides) {
    this.topic = uniqueName('spans')
    this.partitions = partitions
    const group = uniqueName('group')
    const topics = { traces: this.topic, metrics: `${this.topic}-metrics`, logs: `${this.topic}-logs` }
    this.config = configSchema.parse({ kafka: { brokers, groupId: group, topics, sessionTimeout: 6, maxWait: 0.1, ...overrides } }).kafka
    this.kafka = kafkaClient(this.config, silent)
    this.admin = this.kafka.admin()
  }

  static async create(brokers: string[], partitions = 1, overrides: Overrides = {}): Promise<Topic> {
    const topic = new Topic(brokers, partitions, overrides)
    await topic.admin.connect()
    await topic.make()
    return topic
  }

  async make(): Promise<void> {
    const { metrics, logs } = this.config.topics
    const plans = [this.topic, metrics, logs].map((topic) => ({ topic, partitions: topic === this.topic ? this.partitions : 1 }))
    await ensureTopics(this.config, plans, silent)
  }

  /** Deletes the topic and makes a new one of its name. */
  async recreate(): Promise<void> {
    await this.admin.deleteTopics({ topics: [this.topic] })
    for (;;) {
      try {
        await this.make()
        return
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }

  /** Appends texts to one partition. */
  async write(
    texts: readonly string[],
    { partition = 0, compression = kafkajs.CompressionTypes.None, topic = this.topic } = {},
  ): Promise<void> {
    if (!this.producer) {
      this.producer = this.kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
      await this.producer.connect()
    }
    await this.producer.send({ topic, compression, messages: texts.map((value) => ({ value, partition })) })
  }

  /** Removes the records before an offset, as retention does. */
  async forget(offset: number): Promise<void> {
    await this.admin.fetchTopicOffsets(this.topic)
    await this.admin.deleteTopicRecords({ topic: this.topic, partitions: [{ partition: 0, offset: String(offset) }] })
  }

  source(dependencies: Partial<KafkaSourceDependencies> = {}, overrides: Overrides = {}): Source {
    const source = kafkaSource({ ...this.config, ...overrides }, { log: silent, onGap: (gap) => this.gaps.push(gap), ...dependencies })
    this.opened.push(source)
    return source
  }

  async committed(partition = 0): Promise<{ offset: number; metadata: string | null }> {
    const [entry] = await this.admin.fetchOffsets({ groupId: this.config.groupId, topics: [this.topic] })
    const { offset, metadata } = entry!.partitions.find((each) => each.partition === partition)!
    return { offset: Number(offset), metadata }
  }

  async close(): Promise<void> {
    await Promise.all(this.opened.map((source) => source.stop()))
    await Promise.all([this.producer?.disconnect(), this.admin.disconnect()])
  }
}

export function texts(count: number, prefix = 'r'): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`)
}

/** Collects what a source delivers; `before` runs first and may reject. */
export class Received {
  readonly batches: SourceBatch[] = []
  private readonly waiting = new Set<() => void>()

  handler(before: (batch: SourceBatch, context: BatchContext) => Promise<void> | void = () => {}) {
    return async (batch: SourceBatch, context: BatchContext) => {
      await before(batch, context)
      this.batches.push(batch)
      for (const look of this.waiting) look()
    }
  }

  get texts(): string[] {
    return this.batches.flatMap((batch) => batch.records.map((record) => Buffer.from(record.value).toString()))
  }

  async until(condition: (received: Received) => boolean): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = () => {
        if (!condition(this)) return
        this.waiting.delete(look)
        resolve()
      }
      this.waiting.add(look)
      look()
    })
  }

  count(count: number): Promise<void> {
    return this.until((received) => received.texts.length >= count)
  }
}

export async function eventually(condition: () => boolean | Promise<boolean>, timeout = 20_000): Promise<void> {
  for (const end = Date.now() + timeout; !(await condition()); ) {
    if (Date.now() > end) throw new Error(`not within ${timeout} ms: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
