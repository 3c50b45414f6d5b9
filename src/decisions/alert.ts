import type { Category, Subject } from '../telemetry/events.ts'

export type Severity = 'low' | 'medium' | 'high' | 'critical'

/** What people did about an incident. Times are ISO 8601. */
export interface Handling {
  /** This change is the action itself; absent where telemetry or the passing of time caused it. */
  readonly change?: 'acknowledged' | 'silenced' | 'feedback'
  readonly acknowledged?: { readonly by: string; readonly time: string }
  readonly silenced?: { readonly by: string; readonly time: string; readonly until: string }
  readonly feedback?: { readonly verdict: FeedbackVerdict; readonly by: string; readonly time: string }
  /** It falls into a change that was announced. */
  readonly expected?: { readonly by: string; readonly note: string; readonly from: string; readonly until: string }
}

/** What a person says of an incident: it was one, it was a false alarm, or it was real but nothing bad. */
export type FeedbackVerdict = 'true' | 'false' | 'benign'

/** Another incident that has to do with this one. */
export interface Related {
  readonly incident: string
  readonly subject: Subject
}

/** One change of an incident: what `--alerts` writes, webhooks carry and the API answers, byte for byte the same object. */
export interface Alert {
  /** Deterministic: the same log and configuration give the same id. Also the `webhook-id`. */
  readonly id: string
  readonly incident: string
  readonly status: 'opened' | 'updated' | 'resolved'
  /** ISO 8601 with microseconds, UTC; event time. */
  readonly time: string
  readonly opened: string
  readonly detector: string
  readonly detectors: readonly string[]
  readonly category: Category
  readonly severity: Severity
  readonly title: string
  readonly subject: Subject
  readonly members: readonly Subject[]
  readonly model: string | null
  readonly service: string | null
  readonly environment: string | null
  readonly run: string | null
  readonly window: { readonly start: string; readonly end: string; readonly events: number }
  readonly score: number
  readonly threshold: number | null
  readonly pValue: number | null
  readonly evidence: Readonly<Record<string, unknown>>
  readonly tags: { readonly atlas: readonly string[]; readonly owasp: readonly string[] }
  /** Incidents of the same category that share a subject, a member or a call with this one; absent where there are none. */
  readonly related?: readonly Related[]
  /** Absent as long as nobody did anything. */
  readonly handling?: Handling
}
