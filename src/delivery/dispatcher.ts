import type { Logger } from 'pino'
import type { WebhookConfig } from '../config/schema.ts'
import type { Row, Store } from '../store/store.ts'
import { type AttemptTarget, attempt, type Outcome } from './attempt.ts'
import { backoff } from './backoff.ts'
import { DeliveryLog } from './delivery-log.ts'
import { parseSecret } from './standard-webhooks.ts'
import { type QueuedDelivery, TargetQueue } from './target-queue.ts'
import { systemTimers, type Timers } from './timers.ts'

/** Refusals (a 4xx that does not pass, a redirect) after which a delivery is given up. */
const MAX_REFUSALS = 3

export type DeliveryOutcome = 'delivered' | 'failed' | 'dead'

export interface DispatcherOptions {
  readonly store: Pick<Store, 'query' | 'insert'>
  readonly webhooks: readonly WebhookConfig[]
  readonly log: Pick<Logger, 'info' | 'warn'>
  /** Counts every attempt that ended and every delivery that was given up. */
  readonly count?: (target: string, outcome: DeliveryOutcome) => void
  readonly timers?: Timers
  /** Jitter of the retries, [0, 1). */
  readonly random?: () => number
  /** Attempts at once for one target. */
  readonly concurrency?: number
  /** Deliveries held in memory for one target; the rest wait in the store. */
  readonly capacity?: number
}

/** What happened while the store was being read. */
interface Loading {
  /** Left the queue: what the store says of them is old. */
  readonly settled: Set<string>
  /** Came after the store was asked, perhaps; null when they were too many to keep. */
  notified: QueuedDelivery[] | null
}

interface Target {
  readonly name: string
  readonly attempt: AttemptTarget
  /** Milliseconds after the first attempt at which a delivery is given up. */
  readonly maxAge: number
  readonly queue: TargetQueue
  inFlight: number
  /** Silences that the receiver asked for and that are not over. */
  silences: number
  /** More waits in the store than is held; what is notified meanwhile is read from there, so that nothing overtakes. */
  behind: boolean
  loading: Loading | null
  failures: number
  lastFailure: string
}

/** What is known of a target now. */
export interface TargetState {
  readonly target: string
  readonly waiting: number
  readonly more: boolean
  /** Failed attempts since the last success. */
  readonly failures: number
  readonly lastFailure: string | null
}

/**
 * Sends what stands in the outbox until each receiver has said 2xx: at least once, always with the same `webhook-id` and
 * body. Changes of one incident reach a target in their order; incidents do not wait for each other. Everything not
 * delivered is in the store, so a restart goes on where the last process ended.
 */
export class Dispatcher {
  private readonly targets: Map<string, Target>
  private readonly log: DispatcherOptions['log']
  private readonly count: NonNullable<DispatcherOptions['count']>
  private readonly timers: Timers
  private readonly random: () => number
  private readonly concurrency: number
  private readonly capacity: number
  private readonly deliveryLog: DeliveryLog
  private readonly stopping = new AbortController()
  private readonly attempts = new Set<Promise<void>>()
  private readonly pauses = new Set<() => void>()
  private started = false
  private stopped = false

  /** Throws TW_WEBHOOK_INVALID for a secret that is none. */
  constructor(options: DispatcherOptions) {
    this.log = options.log
    this.count = options.count ?? (() => {})
    this.timers = options.timers ?? systemTimers
    this.random = options.random ?? Math.random
    this.concurrency = options.concurrency ?? 4
    this.capacity = options.capacity ?? 1_000
    this.deliveryLog = new DeliveryLog(options.store, this.timers, (error) =>
      this.log.warn({ err: error }, 'states of webhook deliveries wait for the store'),
    )
    this.targets = new Map(
      options.webhooks.map((webhook) => [
        webhook.name,
        {
          name: webhook.name,
          attempt: { url: webhook.url, keys: [parseSecret(webhook.secret)], timeout: webhook.timeout * 1_000 },
          maxAge: webhook.maxAge * 1_000,
          queue: new TargetQueue(this.capacity),
          inFlight: 0,
          silences: 0,
          behind: true,
          loading: null,
          failures: 0,
          lastFailure: '',
        },
      ]),
    )
  }

  /** Reads from the store what was not delivered and begins to send. Throws the store's error when it cannot be read. */
  async start(): Promise<void> {
    this.started = true
    await Promise.all([...this.targets.values()].map((target) => this.load(target)))
  }

  /** Tells of outbox rows (of `deliveryRows`) that the store has acknowledged. Rows notified before `start` are found by it. */
  notify(rows: readonly Row[]): void {
    for (const row of rows) {
      const target = this.targets.get(row.target as string)
      if (!target || this.stopped) continue
      const delivery: QueuedDelivery = {
        id: row.id as string,
        target: target.name,
        incident: row.incident as string,
        created: Number(row.created),
        ordinal: Number(row.ordinal),
        body: row.body as string,
        attempts: 0,
        refusals: 0,
        firstAttempt: null,
      }
      this.hold(target, delivery)
    }
    for (const target of this.targets.values()) this.pump(target)
  }

  states(): TargetState[] {
    return [...this.targets.values()].map((target) => ({
      target: target.name,
      waiting: target.queue.size,
      more: target.behind,
      failures: target.failures,
      lastFailure: target.failures > 0 ? target.lastFailure : null,
    }))
  }

  /**
   * Begins no new attempt, lets those under way end within `grace` milliseconds, and writes down what is known. What was
   * broken off is sent again after the next start. Idempotent.
   */
  async stop(grace = 3_000): Promise<void> {
    this.stopped = true
    for (const cancel of this.pauses) cancel()
    this.pauses.clear()
    const cancel = this.timers.after(grace, () => {
      this.stopping.abort()
      this.deliveryLog.abandon()
    })
    await Promise.all(this.attempts)
    await this.deliveryLog.flush()
    cancel()
  }

  private pump(target: Target): void {
    if (!this.started || this.stopped || target.silences > 0) return
    while (target.inFlight < this.concurrency) {
      const delivery = target.queue.take()
      if (!delivery) break
      target.inFlight++
      const running = this.deliver(target, delivery).finally(() => {
        this.attempts.delete(running)
        target.inFlight--
        this.pump(target)
      })
      this.attempts.add(running)
    }
    if (target.behind && !target.loading && target.queue.size <= this.capacity / 2) {
      this.load(target).catch((error) => {
        this.log.warn({ err: error, target: target.name }, 'the outbox cannot be read')
        this.later(backoff(5, this.random), () => this.pump(target))
      })
    }
  }

  private hold(target: Target, delivery: QueuedDelivery): void {
    const { loading } = target
    if (loading) {
      if (loading.notified && loading.notified.length < this.capacity) loading.notified.push(delivery)
      else loading.notified = null
    } else if (!target.behind) {
      target.behind = !target.queue.hold(delivery)
    }
  }

  private async load(target: Target): Promise<void> {
    const loading: Loading = { settled: new Set(), notified: [] }
    target.loading = loading
    try {
      await this.deliveryLog.flush()
      const found = await this.deliveryLog.undelivered(target.name, this.capacity)
      const complete = found.length < this.capacity && loading.notified !== null
      const next = [...found, ...(complete ? (loading.notified ?? []) : [])].filter((delivery) => !loading.settled.has(delivery.id))
      const held = next.every((delivery) => target.queue.hold(delivery))
      target.behind = !(held && complete)
    } finally {
      target.loading = null
    }
    this.pump(target)
  }

  private async deliver(target: Target, delivery: QueuedDelivery): Promise<void> {
    delivery.firstAttempt ??= this.timers.now()
    const outcome = await attempt(target.attempt, delivery.id, delivery.body, this.timers, this.stopping.signal)
    if (this.stopping.signal.aborted && outcome.kind !== 'delivered') return
    delivery.attempts++
    if (outcome.kind === 'delivered') {
      target.failures = 0
      this.count(target.name, 'delivered')
      this.settle(target, delivery, 'delivered', outcome.status, '')
      return
    }
    target.failures++
    target.lastFailure = outcome.reason
    this.count(target.name, 'failed')
    this.failed(target, delivery, outcome, delivery.firstAttempt)
  }

  private failed(target: Target, delivery: QueuedDelivery, outcome: Exclude<Outcome, { kind: 'delivered' }>, firstAttempt: number): void {
    const now = this.timers.now()
    if (outcome.kind === 'refused') delivery.refusals++
    const tooOld = now - firstAttempt >= target.maxAge
    if (tooOld || delivery.refusals >= MAX_REFUSALS) {
      const reason = tooOld ? `not delivered within ${target.maxAge / 1_000} s; last: ${outcome.reason}` : outcome.reason
      this.log.warn({ target: target.name, id: delivery.id, attempts: delivery.attempts, reason }, 'webhook given up')
      this.count(target.name, 'dead')
      this.settle(target, delivery, 'dead', outcome.status, reason)
      return
    }
    this.log.info(
      { target: target.name, id: delivery.id, attempt: delivery.attempts, reason: outcome.reason },
      'webhook failed, will be retried',
    )
    this.deliveryLog.append(delivery, 'attempted', delivery.attempts, outcome.status, outcome.reason)
    const asked = outcome.kind === 'retry' ? (outcome.retryAfter ?? 0) : 0
    if (asked > 0) this.quiet(target, asked)
    const wait = Math.max(backoff(delivery.attempts, this.random), asked)
    this.later(Math.min(wait, firstAttempt + target.maxAge - now), () => {
      target.queue.again(delivery)
      this.pump(target)
    })
  }

  private settle(target: Target, delivery: QueuedDelivery, state: 'delivered' | 'dead', status: number, reason: string): void {
    target.queue.settle(delivery)
    target.loading?.settled.add(delivery.id)
    this.deliveryLog.append(delivery, state, delivery.attempts, status, reason)
  }

  private quiet(target: Target, milliseconds: number): void {
    target.silences++
    this.later(milliseconds, () => {
      target.silences--
      this.pump(target)
    })
  }

  private later(milliseconds: number, run: () => void): void {
    if (this.stopped) return
    const cancel = this.timers.after(milliseconds, () => {
      this.pauses.delete(cancel)
      run()
    })
    this.pauses.add(cancel)
  }
}
