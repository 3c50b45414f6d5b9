import type { Logger } from 'pino'
import type { WebhookConfig } from '../config/schema.ts'
import type { Row, Store } from '../store/store.ts'
import { attempt, type Outcome } from './attempt.ts'
import { backoff } from './backoff.ts'
import { DeliveryLog } from './delivery-log.ts'
import type { WebhookRequest } from './formats/format.ts'
import { NetworkPolicy } from './networks.ts'
import { deliveryRows, deliveryTable } from './outbox.ts'
import { givenUpAlert, OWN_DETECTOR } from './own-alert.ts'
import { type Replayed, replayDeliveries, type Selection } from './replay.ts'
import { alertOf, alertRequest, createTarget, digestRequest, type Loading, type Target } from './target.ts'
import type { QueuedDelivery } from './target-queue.ts'
import { type Answered, testAlerts } from './test-alert.ts'
import { systemTimers, type Timers } from './timers.ts'

/** Refusals (a 4xx that does not pass, a redirect) after which a delivery is given up. */
const MAX_REFUSALS = 3
/** Changes that one digest holds, about. */
const DIGEST_SIZE = 500
/** Bytes of a receiver's answer to a test that are shown. */
const SHOWN_ANSWER = 1_000

export type DeliveryOutcome = 'delivered' | 'failed' | 'dead' | 'skipped'

export interface DispatcherOptions {
  readonly store: Pick<Store, 'query' | 'insert'>
  readonly webhooks: readonly WebhookConfig[]
  /** Networks besides the public ones that webhooks may be sent to. @default ['loopback'] */
  readonly allowNetworks?: readonly string[]
  readonly log: Pick<Logger, 'info' | 'warn'>
  /** Counts every attempt that ended, and every delivery that was given up or skipped. */
  readonly count?: (target: string, outcome: DeliveryOutcome) => void
  readonly timers?: Timers
  /** Jitter of the retries, [0, 1). */
  readonly random?: () => number
  /** Attempts at once for one target. */
  readonly concurrency?: number
  /** Seconds after which an alert that was never tried is recorded only. Absent: every alert is sent, however old. */
  readonly pageWithin?: number
  /** Deliveries held in memory for one target; the rest wait in the store. */
  readonly capacity?: number
}

/** What is known of a target now. */
export interface TargetState {
  readonly target: string
  readonly waiting: number
  readonly more: boolean
  /** Failed attempts since the last success. */
  readonly failures: number
  readonly lastFailure: string | null
  /** Deliveries given up since the start. */
  readonly dead: number
}

/**
 * Sends what stands in the outbox until each receiver has said 2xx: at least once, always with the same `webhook-id` and
 * body. Changes of one incident reach a target in their order; incidents do not wait for each other. Everything not
 * delivered is in the store, so a restart goes on where the last process ended.
 */
export class Dispatcher {
  private readonly targets: Map<string, Target>
  private readonly policy: NetworkPolicy
  private readonly log: DispatcherOptions['log']
  private readonly count: NonNullable<DispatcherOptions['count']>
  private readonly timers: Timers
  private readonly random: () => number
  private readonly concurrency: number
  private readonly capacity: number
  /** Milliseconds. */
  private readonly pageWithin: number
  private readonly store: DispatcherOptions['store']
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
    this.pageWithin = (options.pageWithin ?? Number.POSITIVE_INFINITY) * 1_000
    this.store = options.store
    this.deliveryLog = new DeliveryLog(options.store, this.timers, (error) =>
      this.log.warn({ err: error }, 'states of webhook deliveries wait for the store'),
    )
    this.policy = new NetworkPolicy(options.allowNetworks ?? ['loopback'])
    this.targets = new Map(options.webhooks.map((webhook) => [webhook.name, createTarget(webhook, this.capacity)]))
  }

  /** Reads from the store what was not delivered and begins to send. Throws the store's error when it cannot be read. */
  async start(): Promise<void> {
    this.started = true
    await Promise.all([...this.targets.values()].map((target) => this.load(target)))
  }

  /** Looks for what others wrote into the outbox. Throws the store's error. */
  async reread(): Promise<void> {
    await Promise.all([...this.targets.values()].map((target) => this.loadAgain(target)))
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
      dead: target.dead,
    }))
  }

  /**
   * Sends a test alert and its end to a receiver, once, past the queue, and tells what it answered; the end only where the beginning was taken.
   * Null where there is no such receiver.
   */
  async test(name: string): Promise<Answered[] | null> {
    const target = this.targets.get(name)
    if (!target) return null
    const answers: Answered[] = []
    for (const alert of testAlerts(this.timers.now())) {
      const began = this.timers.now()
      const outcome = await this.send(target, alertRequest(target, alert, began), SHOWN_ANSWER)
      const { kind, status, text } = outcome
      const reason = kind === 'delivered' ? null : outcome.reason
      answers.push({ change: alert.status, delivered: kind === 'delivered', status, reason, text, milliseconds: this.timers.now() - began })
      if (kind !== 'delivered') break
    }
    return answers
  }

  /**
   * Sends settled deliveries again: same id, same body. Gives which; none where nothing fits. Throws the store's error.
   */
  async replay(selection: Selection): Promise<Replayed[]> {
    await this.deliveryLog.flush()
    const replayed = await replayDeliveries(this.store, [...this.targets.keys()], selection, this.timers.now())
    for (const name of new Set(replayed.map(({ target }) => target))) {
      await this.loadAgain(this.targets.get(name)!)
    }
    return replayed
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
    if (!this.started || this.stopped || target.silences > 0 || target.full) return
    while (target.inFlight < this.concurrency) {
      if (target.queue.waiting === 0) break
      if (!target.rate.take(this.timers.now())) {
        this.waitForRate(target)
        break
      }
      const work = this.nextWork(target)
      target.inFlight++
      const running = work.finally(() => {
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

  /** Begins with a digest where more waits than a minute may carry. The queue is not idle. */
  private nextWork(target: Target): Promise<void> {
    if (target.flooded) {
      const { digests } = target.format
      const enough = target.queue.waiting > target.webhook.maxPerMinute
      const many = enough ? target.queue.takeMany(DIGEST_SIZE, (delivery) => digests?.(alertOf(delivery)) ?? true) : []
      if (many.length > 1) return this.deliverDigest(target, many)
      target.flooded = false
      target.queue.again(...many)
    }
    return this.deliver(target, target.queue.take()!)
  }

  private waitForRate(target: Target): void {
    target.full = true
    this.later(target.rate.wait(this.timers.now()), () => {
      target.full = false
      target.flooded = true
      this.pump(target)
    })
  }

  /** True for an alert that is too old to wake anybody: it is marked so and never sent. */
  private skip(target: Target, delivery: QueuedDelivery): boolean {
    if (delivery.attempts > 0 || delivery.firstAttempt !== null) return false
    const age = this.timers.now() - delivery.created / 1_000
    const { status } = alertOf(delivery)
    // What opened a page must close it, so an end is left out only where the beginning was.
    const stale = status === 'resolved' ? target.untold.has(delivery.incident) : age > this.pageWithin
    if (!stale) return false
    if (status === 'opened') remember(target.untold, delivery.incident)
    this.count(target.name, 'skipped')
    target.loading?.settled.add(delivery.id)
    this.deliveryLog.append(delivery, 'skipped', 0, 0, `${Math.round(age / 1_000)} s old (delivery.pageWithin)`)
    return true
  }

  private hold(target: Target, delivery: QueuedDelivery): void {
    const { loading } = target
    if (loading) {
      if (loading.notified && loading.notified.length < this.capacity) loading.notified.push(delivery)
      else loading.notified = null
    } else if (!target.behind && !this.skip(target, delivery)) {
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
      const held = next.every((delivery) => this.skip(target, delivery) || target.queue.hold(delivery))
      target.behind = !(held && complete)
    } finally {
      target.loading = null
    }
    this.pump(target)
  }

  /** Finds rows that were written into the outbox besides `notify`. */
  private async loadAgain(target: Target): Promise<void> {
    if (!this.started || this.stopped) return
    // What is being read now may have been read before they stood there: it is not complete, and is read on from where it ends.
    if (target.loading) target.loading.notified = null
    else await this.load(target)
  }

  private send(target: Target, request: WebhookRequest, keep = 0): Promise<Outcome> {
    return attempt(request, { policy: this.policy, timeout: target.timeout, timers: this.timers, stop: this.stopping.signal, keep })
  }

  private async deliver(target: Target, delivery: QueuedDelivery): Promise<void> {
    delivery.firstAttempt ??= this.timers.now()
    const outcome = await this.send(target, alertRequest(target, alertOf(delivery), this.timers.now()))
    this.ended(target, [delivery], outcome, '')
  }

  private async deliverDigest(target: Target, deliveries: readonly QueuedDelivery[]): Promise<void> {
    const now = this.timers.now()
    for (const delivery of deliveries) delivery.firstAttempt ??= now
    const { id, request } = digestRequest(target, deliveries, now)
    this.log.warn({ target: target.name, digest: id, changes: deliveries.length }, 'a flood of webhooks is sent as a digest')
    this.ended(target, deliveries, await this.send(target, request), `in ${id}`)
  }

  /** One attempt came to an end for all that were in it. */
  private ended(target: Target, deliveries: readonly QueuedDelivery[], outcome: Outcome, note: string): void {
    if (this.stopping.signal.aborted && outcome.kind !== 'delivered') return
    for (const delivery of deliveries) delivery.attempts++
    if (outcome.kind === 'delivered') {
      target.failures = 0
      this.count(target.name, 'delivered')
      this.settle(target, deliveries, 'delivered', outcome.status, note)
      return
    }
    target.failures++
    target.lastFailure = outcome.reason
    this.count(target.name, 'failed')
    const asked = outcome.kind === 'retry' ? (outcome.retryAfter ?? 0) : 0
    // What was in a digest is given up one by one: then each is old enough by itself.
    if (deliveries.length > 1) target.flooded = false
    else if (this.givenUp(target, deliveries[0]!, outcome)) return
    for (const delivery of deliveries) this.deliveryLog.append(delivery, 'attempted', delivery.attempts, outcome.status, outcome.reason)
    if (asked > 0) this.quiet(target, asked)
    this.tryAgain(target, deliveries, outcome.reason, asked)
  }

  private givenUp(target: Target, delivery: QueuedDelivery, outcome: Exclude<Outcome, { kind: 'delivered' }>): boolean {
    if (outcome.kind === 'refused') delivery.refusals++
    const tooOld = this.timers.now() - delivery.firstAttempt! >= target.maxAge
    if (!tooOld && delivery.refusals < MAX_REFUSALS) return false
    const reason = tooOld ? `not delivered within ${target.maxAge / 1_000} s; last: ${outcome.reason}` : outcome.reason
    this.log.warn({ target: target.name, id: delivery.id, attempts: delivery.attempts, reason }, 'webhook given up')
    this.count(target.name, 'dead')
    this.settle(target, [delivery], 'dead', outcome.status, reason)
    target.dead++
    void this.tellOthers(target, delivery, reason)
    return true
  }

  /** The other receivers hear that one does not listen, once a day. Of what was itself such a message nobody is told. */
  private async tellOthers(deaf: Target, delivery: QueuedDelivery, reason: string): Promise<void> {
    if (alertOf(delivery).detector === OWN_DETECTOR) return
    const others = [...this.targets.values()].filter((target) => target !== deaf).map(({ webhook }) => webhook)
    const rows = deliveryRows([givenUpAlert(deaf.name, reason, this.timers.now())], others)
    if (rows.length === 0 || deaf.toldOf === rows[0]!.id) return
    deaf.toldOf = rows[0]!.id as string
    try {
      // A repeat has the same token: what was told before a restart is not told again.
      await this.store.insert(deliveryTable, rows, `given-up/${rows[0]!.id}`)
      for (const { name } of others) await this.loadAgain(this.targets.get(name)!)
    } catch (error) {
      deaf.toldOf = ''
      this.log.warn({ err: error, target: deaf.name }, 'the other receivers could not be told')
    }
  }

  private tryAgain(target: Target, deliveries: readonly QueuedDelivery[], reason: string, asked: number): void {
    const attempts = Math.min(...deliveries.map((delivery) => delivery.attempts))
    const first = Math.min(...deliveries.map(({ firstAttempt }) => firstAttempt!))
    const ids = deliveries.slice(0, 10).map(({ id }) => id)
    this.log.info({ target: target.name, ids, attempt: attempts, reason }, 'webhook failed, will be retried')
    const wait = Math.max(backoff(attempts, this.random), asked)
    this.later(Math.min(wait, first + target.maxAge - this.timers.now()), () => {
      target.queue.again(...deliveries)
      this.pump(target)
    })
  }

  private settle(target: Target, deliveries: readonly QueuedDelivery[], state: 'delivered' | 'dead', status: number, reason: string): void {
    target.queue.settle(...deliveries)
    for (const delivery of deliveries) {
      target.loading?.settled.add(delivery.id)
      this.deliveryLog.append(delivery, state, delivery.attempts, status, reason)
    }
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

/** Incidents that are remembered a target. */
const MOST_UNTOLD = 10_000

function remember(set: Set<string>, value: string): void {
  set.add(value)
  if (set.size > MOST_UNTOLD) set.delete(set.values().next().value!)
}
