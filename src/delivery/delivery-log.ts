import { createHash } from 'node:crypto'
import type { Row, Store } from '../store/store.ts'
import { backoff } from './backoff.ts'
import { type Delivery, type DeliveryState, deliveryTable } from './outbox.ts'
import type { QueuedDelivery } from './target-queue.ts'
import type { Timers } from './timers.ts'

/** Shortest time between two inserts: every insert makes a part, and parts must stay few. */
const INSERT_INTERVAL = 250

/**
 * SQL for a column of a delivery's newest state, in a query that groups the outbox as `d`: newest by attempt, and within
 * one attempt by how final the state is.
 */
export function newest(column: 'state' | 'updated' | 'http_status' | 'reason'): string {
  return `argMax(d.${column}, (d.attempt, indexOf(['pending', 'attempted', 'delivered', 'dead', 'skipped'], d.state)))`
}

interface UndeliveredRow {
  id: string
  incident: string
  created: number
  ordinal: number
  body: string
  attempts: number
  first: number
}

/**
 * The dispatcher's memory in the store: appends states and reads what was not delivered. States are written in groups, one
 * insert at a time; a group that failed is repeated with the same token until it is in. Of a delivery that fails over and
 * over only the newest state is kept waiting, so this holds no more than the dispatcher does.
 */
export class DeliveryLog {
  private waiting = new Map<string, Row>()
  /** The group being written, then those behind it. */
  private writing: Promise<void> = Promise.resolve()
  private cancelNext: (() => void) | null = null
  private abandoned = false
  private wake: (() => void) | null = null
  private readonly store: Pick<Store, 'query' | 'insert'>
  private readonly timers: Timers
  private readonly onTrouble: (error: unknown) => void

  constructor(store: Pick<Store, 'query' | 'insert'>, timers: Timers, onTrouble: (error: unknown) => void) {
    this.store = store
    this.timers = timers
    this.onTrouble = onTrouble
  }

  append(delivery: Delivery, state: DeliveryState, attempt: number, status: number, reason: string): void {
    this.waiting.set(`${delivery.target}/${delivery.id}`, {
      id: delivery.id,
      target: delivery.target,
      state,
      attempt,
      incident: delivery.incident,
      created: delivery.created,
      ordinal: delivery.ordinal,
      body: '',
      updated: this.timers.now() * 1_000,
      http_status: status,
      reason,
    })
    this.cancelNext ??= this.timers.after(INSERT_INTERVAL, () => void this.flush())
  }

  /** Resolves when every state appended so far is stored (or the store was given up). */
  flush(): Promise<void> {
    this.cancelNext?.()
    this.cancelNext = null
    this.writing = this.writing.then(() => this.writeGroup())
    return this.writing
  }

  /** Gives up waiting for a store that does not answer. What was not written is sent again after the next start. */
  abandon(): void {
    this.abandoned = true
    this.wake?.()
  }

  /** What is neither delivered nor dead for a target, in the order to send it. */
  async undelivered(target: string, limit: number): Promise<QueuedDelivery[]> {
    const rows = await this.store.query<UndeliveredRow>(
      `SELECT d.id AS id, any(d.incident) AS incident, toUnixTimestamp64Micro(min(d.created)) AS created, min(d.ordinal) AS ordinal,
              anyIf(d.body, d.state = 'pending') AS body, max(d.attempt) AS attempts,
              arrayMin(tried -> tried.2, arrayFilter(tried -> tried.1 > pending, groupArrayIf((d.attempt, toUnixTimestamp64Milli(d.updated)), d.state = 'attempted'))) AS first,
              maxIf(d.attempt, d.state = 'pending') AS pending
       FROM ${deliveryTable} AS d WHERE d.target = {target:String}
       GROUP BY d.id HAVING ${newest('state')} IN ('pending', 'attempted')
       ORDER BY created, ordinal, id LIMIT {limit:UInt32}`,
      { target, limit },
    )
    return rows.map((row) => ({
      id: row.id,
      target,
      incident: row.incident,
      created: row.created,
      ordinal: row.ordinal,
      body: row.body,
      attempts: row.attempts,
      refusals: 0,
      firstAttempt: row.first || null,
    }))
  }

  private async writeGroup(): Promise<void> {
    if (this.waiting.size === 0) return
    const rows = [...this.waiting.values()]
    this.waiting = new Map()
    const token = createHash('sha256').update(JSON.stringify(rows)).digest('hex')
    for (let failures = 0; !this.abandoned; ) {
      try {
        await this.store.insert(deliveryTable, rows, token)
        return
      } catch (error) {
        this.onTrouble(error)
        await this.pause(backoff(++failures, () => 1))
      }
    }
  }

  private pause(milliseconds: number): Promise<void> {
    if (this.abandoned) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        this.wake = null
        cancel()
        resolve()
      }
      const cancel = this.timers.after(milliseconds, done)
      this.wake = done
    })
  }
}
