import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { TidewatchError } from '../../errors.ts'
import type { Signal } from '../../telemetry/otlp/records.ts'
import type { BatchHandler, PartitionLag, Source, StartOptions } from '../source.ts'
import { aborted } from './aborted.ts'
import { type KafkaConfig, kafkaClient } from './client.ts'
import { GroupMember } from './member.ts'
import type { Gap } from './places.ts'
import type { Memory } from './settling.ts'

const FIRST_BACKOFF_MS = 250
const LONGEST_BACKOFF_MS = 5000

export interface KafkaSourceDependencies {
  readonly log: Logger
  /** Told of every loss of records that were never delivered; it is logged besides. */
  readonly onGap?: (gap: Gap) => void
  /** Milliseconds between looks for configured topics that do not exist yet. @default 10000 */
  readonly topicCheckInterval?: number
  /** Topics to read and what is in them; null: no telemetry. @default those of the configuration */
  readonly topics?: ReadonlyMap<string, Signal | null>
  /** In messages about it. @default 'kafka' */
  readonly name?: string
  /** Milliseconds that `stop` waits for a handler in work before it leaves without it. @default 6000 */
  readonly drainTimeout?: number
}

/** Waiting does not mend refused credentials. */
function isFatal(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (at.name.startsWith('KafkaJSSASL')) return true
  return error instanceof TidewatchError
}

class KafkaSource implements Source {
  readonly name: string
  readonly ended = new Promise<void>(() => {})
  private readonly config: KafkaConfig
  private readonly dependencies: KafkaSourceDependencies
  private readonly topics: ReadonlyMap<string, Signal | null>
  private readonly memory: Memory = new Map()
  private readonly stopping = new AbortController()
  private readonly abandoned = new AbortController()
  private member: GroupMember | null = null
  private paused = false
  private options: StartOptions = {}
  private trouble: string | null = null
  private running: Promise<void> | null = null
  private stopped: Promise<void> | null = null

  constructor(config: KafkaConfig, dependencies: KafkaSourceDependencies) {
    this.config = config
    this.dependencies = dependencies
    this.name = dependencies.name ?? 'kafka'
    const { traces, metrics, logs } = config.topics
    this.topics =
      dependencies.topics ??
      new Map<string, Signal>([
        [traces, 'traces'],
        [metrics, 'metrics'],
        [logs, 'logs'],
      ])
  }

  start(handler: BatchHandler, options: StartOptions = {}): Promise<void> {
    this.options = options
    return new Promise((resolve, reject) => {
      this.running = this.live(handler, resolve, reject).finally(resolve)
    })
  }

  pause(): void {
    this.paused = true
    this.member?.applyPauses()
  }

  resume(): void {
    this.paused = false
    this.member?.applyPauses()
  }

  async lag(): Promise<readonly PartitionLag[]> {
    try {
      return (await this.member?.lag()) ?? []
    } catch (error) {
      throw new TidewatchError('TW_SOURCE_UNAVAILABLE', (error as Error).message, { cause: error })
    }
  }

  problem(): string | null {
    return this.trouble ?? this.member?.problem() ?? null
  }

  stop(): Promise<void> {
    this.stopped ??= this.shutDown()
    return this.stopped
  }

  private async shutDown(): Promise<void> {
    this.stopping.abort()
    const patience = setTimeout(() => {
      this.dependencies.log.warn('a batch did not end in time; it is left unfinished and will be delivered again')
      this.abandoned.abort()
    }, this.dependencies.drainTimeout ?? 6000)
    await this.running
    clearTimeout(patience)
  }

  /** One consumer after the other, for as long as the source lives. */
  private async live(handler: BatchHandler, ready: () => void, refuse: (error: Error) => void): Promise<void> {
    const { log } = this.dependencies
    const { signal } = this.stopping
    let backoff = FIRST_BACKOFF_MS
    let started = false
    const begun = () => {
      started = true
      backoff = FIRST_BACKOFF_MS
      this.trouble = null
      ready()
    }
    while (!signal.aborted) {
      try {
        await this.oneLife(handler, begun)
        continue
      } catch (error) {
        if (signal.aborted) return
        this.trouble = `Kafka (${this.config.brokers.join(', ')}): ${(error as Error).message}`
        if (!started && isFatal(error))
          return refuse(
            error instanceof TidewatchError
              ? error
              : new TidewatchError('TW_SOURCE_UNAVAILABLE', (error as Error).message, { cause: error }),
          )
        log.warn({ err: error, retryIn: backoff }, 'Kafka consumer ended, a new one is started')
      }
      await sleep(backoff, undefined, { signal }).catch(() => {})
      backoff = Math.min(2 * backoff, LONGEST_BACKOFF_MS)
    }
  }

  /** Throws when the consumer crashed; returns when a topic turned up that it does not know, or the source stops. */
  private async oneLife(handler: BatchHandler, begun: () => void): Promise<void> {
    const { log, onGap = () => {}, topicCheckInterval = 10_000 } = this.dependencies
    const { signal } = this.stopping
    const kafka = kafkaClient(this.config, log)
    const look = async () => {
      const admin = kafka.admin()
      await admin.connect()
      try {
        const existing = new Set(await admin.listTopics())
        return new Map([...this.topics].filter(([topic]) => existing.has(topic)))
      } finally {
        await admin.disconnect()
      }
    }
    const stopped = aborted(signal)
    const present = await Promise.race([look(), stopped])
    if (!present) return
    const missing = [...this.topics.keys()].filter((topic) => !present.has(topic))
    if (missing.length > 0) log.info({ topics: missing }, 'topics do not exist yet; Tidewatch looks for them again and again')
    const life = new AbortController()
    const over = AbortSignal.any([signal, life.signal])
    const appeared = async () => {
      while (!over.aborted) {
        await sleep(topicCheckInterval, undefined, { signal: over }).catch(() => {})
        const now = over.aborted ? present : await look().catch(() => present)
        if (missing.some((topic) => now.has(topic))) return
      }
    }
    if (present.size === 0) {
      begun()
      this.trouble = `Kafka has none of the topics ${missing.join(', ')} yet`
      await appeared()
      return
    }
    const member = new GroupMember({
      kafka,
      config: this.config,
      topics: present,
      handler,
      memory: this.memory,
      ...this.options,
      log,
      onGap,
      paused: () => this.paused,
      stopping: signal,
      abandoned: this.abandoned.signal,
    })
    this.member = member
    try {
      await Promise.race([member.start(), stopped])
      if (signal.aborted) return
      begun()
      const reason = await Promise.race([member.crashed, missing.length > 0 ? appeared().catch(() => null) : aborted(signal)])
      if (reason) throw reason
    } finally {
      this.member = null
      await member.leave()
    }
  }
}

/**
 * Telemetry from Kafka, by a consumer group of kafkajs. Delivery is at least once and in order for each partition; one batch of
 * the whole source is in work at a time.
 *
 * `start` resolves once the group is joined, or once the brokers answered that none of the topics exists yet (they are waited
 * for); while no broker answers it stays pending and `problem` says why, and it rejects with TW_SOURCE_UNAVAILABLE only where
 * waiting does not help (credentials refused, TLS files unreadable). After that the source keeps itself alive through anything.
 * A handler's rejection brings the same range again after 0.1 to 10 s; TW_SOURCE_POISONED stops that partition until a restart.
 * `lag` covers the partitions of this member and rejects with TW_SOURCE_UNAVAILABLE while no broker answers.
 */
export function kafkaSource(config: KafkaConfig, dependencies: KafkaSourceDependencies): Source {
  return new KafkaSource(config, dependencies)
}
