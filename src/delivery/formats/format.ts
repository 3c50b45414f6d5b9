import type { WebhookConfig } from '../../config/schema.ts'
import type { Alert } from '../../decisions/alert.ts'
import { alertmanager } from './alertmanager.ts'
import { ocsf } from './ocsf.ts'
import { pagerduty } from './pagerduty.ts'
import { slack } from './slack.ts'
import { standard } from './standard.ts'

export interface WebhookRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface FormatTarget {
  readonly url: string
  readonly secrets: readonly string[]
  /** Seconds since the epoch, of this attempt; it goes into signatures and nowhere else. */
  readonly now: number
}

/** How one kind of receiver wants to be told. Pure: the same alert gives the same body in every attempt. */
export interface WebhookFormat {
  alert(alert: Alert, target: FormatTarget): WebhookRequest
  /** Whether a change may be told in a digest. Absent: all may. */
  digests?(alert: Alert): boolean
  /** Changes that a flood left over, oldest first, in one request. `id` names them and stays the same in every attempt. */
  digest(id: string, alerts: readonly Alert[], target: FormatTarget): WebhookRequest
}

export const formats: Readonly<Record<WebhookConfig['format'], WebhookFormat>> = { standard, slack, pagerduty, alertmanager, ocsf }
