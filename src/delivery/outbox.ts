import type { WebhookConfig } from '../config/schema.ts'
import type { Alert } from '../decisions/alert.ts'
import type { Row } from '../store/store.ts'
import { microsOf } from '../telemetry/time.ts'
import { wants } from './routing.ts'

/** Table of the outbox: states are appended, the newest by (`attempt`, state rank) counts. */
export const deliveryTable = 'webhook_deliveries'

/**
 * `pending`: written with the alert, in the same batch of the store. `attempted`: an attempt failed, another follows.
 * `delivered`: a 2xx came. `dead`: given up, `reason` says why. `skipped`: older than `delivery.pageWithin` when it came to be sent, never tried.
 */
export type DeliveryState = 'pending' | 'attempted' | 'delivered' | 'dead' | 'skipped'

/** One webhook for one target, as the dispatcher holds it. */
export interface Delivery {
  /** The alert's id: the `webhook-id` of every attempt. */
  readonly id: string
  readonly target: string
  readonly incident: string
  /** Event time of the alert, microseconds; with `ordinal` it orders the changes of an incident. */
  readonly created: number
  readonly ordinal: number
  /** The alert, from which every attempt makes the same request. */
  readonly body: string
}

/** Largest value of the column, 32 bits. */
const LAST = 2 ** 32 - 1

/**
 * Orders the changes of one incident that have the same event time: opened, updates by the events behind them, resolved. A function of the alert
 * alone, because which alerts a batch holds depends on where the log was cut.
 */
function ordinalOf({ status, window }: Alert): number {
  return status === 'opened' ? 0 : status === 'resolved' ? LAST : Math.min(Math.max(1, window.events), LAST - 1)
}

/**
 * The pending rows of a batch's alerts: one for each alert and each webhook that wants it. A pure function of
 * both, so that a repeated batch writes the same rows. `id` and `body` stay the same over all attempts and restarts.
 */
export function deliveryRows(alerts: readonly Alert[], webhooks: readonly WebhookConfig[]): Row[] {
  return alerts.flatMap((alert) =>
    webhooks
      .filter((webhook) => wants(webhook, alert))
      .map((webhook) => ({
        id: alert.id,
        target: webhook.name,
        state: 'pending' satisfies DeliveryState,
        attempt: 0,
        incident: alert.incident,
        created: microsOf(alert.time),
        ordinal: ordinalOf(alert),
        body: JSON.stringify(alert),
        updated: microsOf(alert.time),
        http_status: 0,
        reason: '',
      })),
  )
}
