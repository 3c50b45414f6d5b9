import type { WebhookConfig } from '../config/schema.ts'
import type { Alert } from '../decisions/alert.ts'
import { digest } from '../decisions/digest.ts'
import { formats, type WebhookFormat, type WebhookRequest } from './formats/format.ts'
import { RateWindow } from './rate-window.ts'
import { parseSecret } from './standard-webhooks.ts'
import { type QueuedDelivery, TargetQueue } from './target-queue.ts'

/** What happened while the store was being read. */
export interface Loading {
  /** Left the queue: what the store says of them is old. */
  readonly settled: Set<string>
  /** Came after the store was asked, perhaps; null when they were too many to keep. */
  notified: QueuedDelivery[] | null
}

/** A receiver as the dispatcher knows it. Times are milliseconds. */
export interface Target {
  readonly name: string
  readonly webhook: WebhookConfig
  readonly format: WebhookFormat
  readonly timeout: number
  /** Time after the first attempt at which a delivery is given up. */
  readonly maxAge: number
  readonly queue: TargetQueue
  readonly rate: RateWindow
  /** The minute's requests are spent: what waits when the next one begins may be a flood. */
  full: boolean
  flooded: boolean
  inFlight: number
  /** Silences that the receiver asked for and that are not over. */
  silences: number
  /** More waits in the store than is held; what is notified meanwhile is read from there, so that nothing overtakes. */
  behind: boolean
  loading: Loading | null
  failures: number
  lastFailure: string
  /** Deliveries given up since the start. */
  dead: number
  /** Id of the last alert that told the other receivers of it. */
  toldOf: string
  /** Incidents whose beginning was too old to be told: their ends are not told either. */
  readonly untold: Set<string>
}

/** Throws TW_WEBHOOK_INVALID for a signing secret that is none. */
export function createTarget(webhook: WebhookConfig, capacity: number): Target {
  if (webhook.format === 'standard') for (const secret of webhook.secret ?? []) parseSecret(secret)
  return {
    name: webhook.name,
    webhook,
    format: formats[webhook.format],
    timeout: webhook.timeout * 1_000,
    maxAge: webhook.maxAge * 1_000,
    queue: new TargetQueue(capacity),
    rate: new RateWindow(webhook.maxPerMinute),
    full: false,
    flooded: false,
    inFlight: 0,
    silences: 0,
    behind: true,
    loading: null,
    failures: 0,
    lastFailure: '',
    dead: 0,
    toldOf: '',
    untold: new Set(),
  }
}

type Receiver = Pick<Target, 'webhook' | 'format'>

const place = ({ webhook }: Receiver, now: number) => ({ url: webhook.url, secrets: webhook.secret ?? [], now: now / 1_000 })

/** @param now of the attempt, milliseconds: it goes into signatures only. */
export function alertRequest(target: Receiver, alert: Alert, now: number): WebhookRequest {
  return target.format.alert(alert, place(target, now))
}

/** One request for many; its id depends on which they are. */
export function digestRequest(
  target: Receiver,
  deliveries: readonly QueuedDelivery[],
  now: number,
): { id: string; request: WebhookRequest } {
  const id = `digest_${digest(...deliveries.map(({ id }) => id))}`
  return { id, request: target.format.digest(id, deliveries.map(alertOf), place(target, now)) }
}

export function alertOf({ body }: Pick<QueuedDelivery, 'body'>): Alert {
  return JSON.parse(body) as Alert
}
