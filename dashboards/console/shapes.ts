import type { Alert, Severity } from '../../src/decisions/alert.ts'
import type { ShownAction } from '../../src/server/read-actions.ts'
import type { DetectorPicture, Tie } from '../../src/server/read-evidence.ts'
import type { Timeline } from '../../src/server/read-timeline.ts'
import type { RelatedIncident } from '../../src/server/reads.ts'
import type { StatusAnswer } from '../../src/server/schemas.ts'

/** What the API answers, as far as pages show it. */

export type { Alert, Severity }

export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

export type Status = StatusAnswer

export type Readiness = StatusAnswer['readiness']['detectors'][number]

/** What the status says again every second. */
export type Progress = Omit<StatusAnswer, 'version' | 'started' | 'store' | 'inputs' | 'problems' | 'webhooks' | 'readiness'>

export interface Counts {
  readonly total: number
  readonly open: number
  readonly severities: Readonly<Record<string, number>>
  readonly categories: Readonly<Record<string, number>>
}

export type Deed = ShownAction

export interface WholeIncident {
  readonly incident: Alert
  readonly related: readonly RelatedIncident[]
  readonly alerts: readonly Alert[]
  readonly actions: readonly Deed[]
}

export interface Evidence {
  readonly detectors: readonly DetectorPicture[]
  readonly timeline: Timeline
  readonly ties: readonly Tie[]
}

/** One detector's part of the evidence in an alert. */
export interface Case {
  readonly name: string
  readonly pValue?: number | null
  readonly score?: number
  readonly quantity?: string
  readonly seen?: number
  readonly expected?: { readonly median?: number | null; readonly percentile95?: number | null; readonly alertAbove?: number | null }
  readonly facts?: Readonly<Record<string, unknown>>
  readonly reference?: { readonly population?: string; readonly subjects?: number; readonly since?: string }
}

export interface Call {
  readonly time: string
  readonly traceId: string
  readonly spanId: string
  readonly principal: string
  readonly model: string
  readonly operation: string
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  readonly milliseconds: number
  readonly finishReason: string
  readonly error: boolean
  readonly topLogprobs: number | null
  readonly label: string
}

export interface Delivery {
  readonly id: string
  readonly target: string
  readonly incident: string
  readonly state: string
  readonly attempts: number
  readonly created: string
  readonly updated: string
  readonly httpStatus: number
  readonly reason: string
}
