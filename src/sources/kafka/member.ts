import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin, Consumer, EachBatchPayload, Kafka } from 'kafkajs'
import type { Logger } from 'pino'
import type { Signal } from '../../telemetry/otlp/records.ts'
import type { BatchHandler, PartitionLag, StartOptions } from '../source.ts'
import { aborted } from './aborted.ts'
import { Assignment, type OwnedPartition } from './assignment.ts'
import { fetchedFrom, sourceBatch } from './batch.ts'
import type { KafkaConfig } from './client.ts'
import { deliver } from './delivery.ts'
import { commitMetadata, type Gap, isEpochOf } from './places.ts'
import { type Lookups, type Memory, type Settled, settle } from './settling.ts'
import { type TopicIds, topicIds } from './topic-ids.ts'
import { stall } from './watchdog.ts'

/** Leaving takes below half a second where brokers answer. */
const LEAVE_MS = 3000

/** Longer than transactions of producers stay open by default: their records count as lag and cannot be read. */
const STALL_MS = 70_000

export interface MemberOptions {
  readonly kafka: Kafka
  readonly config: KafkaConfig
  /** Topics that exist, and what is in them. */
  readonly topics: ReadonlyMap<string, Signal | null>
  readonly handler: BatchHandler
  readonly memory: Memory
  readonly resume?: StartOptions['resume']
  readonly assigned?: StartOptions['assigned']
  readonly log: Logger
  readonly onGap: (gap: Gap) => void
  /** True while the user holds delivery. */
  readonly paused: () => boolean
  readonly stopping: AbortSignal
  readonly abandoned: AbortSignal
}

/**
 * One life of a kafkajs consumer, from connect to crash or leave. Partitions are paused the moment they are assigned, before
 * kafkajs can fetch, and read only after their place was looked up and sought; so kafkajs' own choice of a place never counts.
 */
export class GroupMember {
  /** Resolves with the reason when this consumer is dead and a new one is needed. */
  readonly crashed: Promise<Error>
  private readonly options: MemberOptions
  private readonly consumer: Consumer
  private readonly admin: Admin
  private readonly ids: TopicIds
  private readonly assignment = new Assignment()
  private readonly heartbeatInterval: number
  private readonly lookups: Lookups
  private settleProblem: Error | null = null
  private joined = () => {}
  private inWork: Promise<unknown> = Promise.resolve()
  private busy = false
  private readonly left = new AbortController()

  constructor(options: MemberOptions) {
    this.options = options
    const { kafka, config, memory, resume } = options
    const sessionTimeout = Math.round(config.sessionTimeout * 1000)
    this.heartbeatInterval = Math.min(3000, Math.max(100, Math.round(sessionTimeout / 5)))
    this.consumer = kafka.consumer({
      groupId: config.groupId,
      sessionTimeout,
      rebalanceTimeout: Math.max(60_000, 2 * sessionTimeout),
      heartbeatInterval: this.heartbeatInterval,
      maxWaitTimeInMs: Math.round(config.maxWait * 1000),
      maxBytesPerPartition: config.maxBytesPerPartition,
      maxBytes: Math.max(10 * 2 ** 20, config.maxBytesPerPartition),
      allowAutoTopicCreation: false,
      // Partitions of a broker that died are fetched by nobody until kafkajs looks where they are.
      metadataMaxAge: 5000,
      // kafkajs restarts itself only after some crashes; one place restarts after all of them.
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 5, restartOnFailure: async () => false },
    })
    this.admin = kafka.admin()
    this.ids = topicIds(kafka)
    this.lookups = { admin: this.admin, ids: this.ids, config, memory, resume }
    const { GROUP_JOIN, REBALANCING, START_BATCH_PROCESS, CRASH } = this.consumer.events
    this.crashed = new Promise((resolve) => {
      this.consumer.on(CRASH, ({ payload }) => {
        this.assignment.lose()
        resolve(payload.error)
      })
      const watched = {
        partitions: () => this.assignment.all(),
        busy: () => this.busy,
        lag: () => this.lag(),
        patience: Math.max(STALL_MS, 2 * sessionTimeout),
        over: this.left.signal,
      }
      void stall(watched).then(resolve)
    })
    this.consumer.on(GROUP_JOIN, ({ payload }) => this.onJoin(payload.memberAssignment))
    this.consumer.on(REBALANCING, () => this.assignment.lose())
    this.consumer.on(START_BATCH_PROCESS, ({ payload }) => {
      // A fetch of nothing but control records never comes to eachBatch; kafkajs goes on behind it.
      const owned = payload.batchSize === 0 ? this.assignment.get(payload.topic, payload.partition) : undefined
      if (owned?.state === 'reading') owned.fetchFrom = Number(payload.lastOffset) + 1
    })
  }

  /** Connects, and resolves when the group gave an assignment. Rejects where the brokers do not answer. */
  async start(): Promise<void> {
    const { topics } = this.options
    await this.admin.connect()
    await this.consumer.connect()
    // From the beginning: what kafkajs does when an offset is out of range; the jump is noticed and judged in `work`.
    await this.consumer.subscribe({ topics: [...topics.keys()], fromBeginning: true })
    const joined = new Promise<void>((resolve) => {
      this.joined = resolve
    })
    await this.consumer.run({
      eachBatchAutoResolve: false,
      autoCommit: false,
      eachBatch: (payload) => {
        this.busy = true
        const work = this.work(payload).finally(() => {
          this.busy = false
        })
        this.inWork = work.catch(() => {})
        return work
      },
    })
    const crash = await Promise.race([joined, this.crashed])
    if (crash instanceof Error) throw crash
  }

  /** Finishes and commits the batch in work, leaves the group, closes all connections. */
  async leave(): Promise<void> {
    this.left.abort()
    const { abandoned } = this.options
    await Promise.race([this.inWork, aborted(abandoned)])
    this.assignment.lose()
    // A consumer that cannot reach its coordinator may never finish; it sends no heartbeats any more either.
    const closing = Promise.allSettled([this.consumer.disconnect(), this.admin.disconnect(), this.ids.close()])
    const patience = new AbortController()
    await Promise.race([closing, sleep(LEAVE_MS, undefined, { signal: patience.signal, ref: false }).catch(() => {})])
    patience.abort()
  }

  /** Fetches exactly what may be delivered now. */
  applyPauses(): void {
    const changed = this.assignment.all().filter((owned) => {
      const fetching = owned.state === 'reading' && !this.options.paused()
      const changes = owned.fetching !== fetching
      owned.fetching = fetching
      return changes
    })
    const entries = (fetching: boolean) =>
      changed.filter((owned) => owned.fetching === fetching).map(({ topic, partition }) => ({ topic, partitions: [partition] }))
    const [pausing, resuming] = [entries(false), entries(true)]
    if (pausing.length > 0) this.consumer.pause(pausing)
    if (resuming.length > 0) this.consumer.resume(resuming)
  }

  async lag(): Promise<PartitionLag[]> {
    const reading = this.assignment.all().filter(({ state }) => state !== 'settling')
    const lags: PartitionLag[] = []
    for (const topic of new Set(reading.map((owned) => owned.topic))) {
      const bounds = await this.admin.fetchTopicOffsets(topic)
      for (const owned of reading.filter((each) => each.topic === topic)) {
        const end = Number(bounds.find(({ partition }) => partition === owned.partition)?.high ?? 0)
        lags.push({ topic, partition: owned.partition, records: Math.max(0, end - owned.fetchFrom) })
      }
    }
    return lags
  }

  problem(): string | null {
    for (const { topic, partition, problem } of this.assignment.all()) if (problem) return `${topic}/${partition}: ${problem.message}`
    return this.settleProblem ? `Kafka: ${this.settleProblem.message}` : null
  }

  private onJoin(assigned: Record<string, number[]>): void {
    const partitions = this.assignment.join(assigned)
    this.options.assigned?.(partitions)
    this.applyPauses()
    this.joined()
    this.options.log.info({ group: this.options.config.groupId, assigned }, 'joined the consumer group')
    void this.settleAll(partitions, 'commits')
  }

  /** Looks the places up until the brokers answer or the partitions are lost. */
  private async settleAll(partitions: OwnedPartition[], trust: 'commits' | 'memory'): Promise<void> {
    const { stopping, log } = this.options
    const current = () => partitions.filter((owned) => this.assignment.owns(owned))
    for (const owned of partitions) owned.state = 'settling'
    this.applyPauses()
    while (current().length > 0 && !stopping.aborted) {
      try {
        const settled = (await settle(current(), trust, this.lookups)).filter(({ owned }) => this.assignment.owns(owned))
        for (const each of settled) this.begin(each)
        const first = settled
          .filter(({ place }) => place.firstRun)
          .map(({ owned, place }) => [`${owned.topic}/${owned.partition}`, place.offset])
        if (first.length > 0) log.info({ places: Object.fromEntries(first) }, 'first run: the group had no place in these partitions')
        this.pin(settled.filter(({ unstored }) => unstored))
        this.applyPauses()
        this.settleProblem = null
        return
      } catch (error) {
        this.settleProblem = error as Error
        log.debug({ err: error }, 'the places of partitions are not known yet')
        await sleep(300, undefined, { signal: stopping }).catch(() => {})
      }
    }
  }

  private begin({ owned, place }: Settled): void {
    const { topic, partition } = owned
    const { log, memory, onGap } = this.options
    owned.epoch = place.epoch
    owned.position = place.offset
    owned.fetchFrom = place.offset
    owned.problem = place.stop
    owned.state = place.stop ? 'held' : 'reading'
    if (place.gap) {
      log[place.stop ? 'error' : 'warn']({ ...place.gap, stopped: place.stop !== null }, 'records are gone that were never read')
      if (!place.stop) onGap(place.gap)
    }
    if (!place.stop) memory.set(`${topic}/${partition}`, { epoch: place.epoch, position: place.offset })
    this.consumer.seek({ topic, partition, offset: String(place.offset) })
  }

  /**
   * Stores places that were chosen, before anything was read: otherwise `latest` would be another place after a restart. The one
   * commit outside of a batch; should it come late, it can only send the group back, to records that it has had.
   */
  private pin(settled: readonly Settled[]): void {
    if (settled.length === 0) return
    const offsets = settled.map(({ owned: { topic, partition }, place }) => ({
      topic,
      partition,
      offset: String(place.offset),
      metadata: commitMetadata(place.epoch),
    }))
    this.consumer.commitOffsets(offsets).catch((error) => this.options.log.debug({ err: error }, 'first places were not stored'))
  }

  private async work(payload: EachBatchPayload): Promise<void> {
    const { paused, stopping, abandoned, handler, log, memory, topics } = this.options
    const { batch } = payload
    if (this.assignment.rejoin) throw this.assignment.rejoin
    const owned = this.assignment.get(batch.topic, batch.partition)
    if (owned?.state !== 'reading' || paused() || stopping.aborted || payload.isStale()) return
    if (fetchedFrom(batch) !== owned.fetchFrom || !(await this.confirm(owned))) return this.settleAll([owned], 'memory')
    const frozen = sourceBatch(batch, owned.position, owned.epoch, topics.get(batch.topic) ?? null)
    const { assignment, heartbeatInterval } = this
    const delivery = { handler, assignment, memory, heartbeatInterval, stopping, abandoned, log }
    const end = await deliver(owned, frozen, payload, delivery)
    if (end === 'committed') payload.resolveOffset(batch.lastOffset())
    // Not awaited: heartbeats go on only outside of a batch.
    else if (end === 'place lost') void this.settleAll([owned], 'commits')
    else this.applyPauses()
  }

  /**
   * Whether the topic is still the one whose place was taken, asked after the fetch and before the handler, for every batch: the
   * records of a new topic never come under the old one's epoch. Brokers that do not answer decide nothing.
   */
  private async confirm(owned: OwnedPartition): Promise<boolean> {
    const ids = await this.ids.lookup([owned.topic]).catch(() => null)
    const id = ids?.get(owned.topic)
    return id === undefined || isEpochOf(owned.epoch, id)
  }
}
