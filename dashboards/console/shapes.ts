import type { Alert, Severity } from '../../src/decisions/alert.ts'
import type { PipelineStatus, Problem } from '../../src/server/deps.ts'
import type { DetectorPicture, Tie } from '../../src/server/read-evidence.ts'
import type { Timeline } from '../../src/server/read-timeline.ts'

/** What the API answers, as far as pages show it. */

export type { Alert, Severity }

export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

export interface Progress extends Omit<PipelineStatus, 'watermark' | 'problems'> {
  readonly eventsPerSecond: number
  readonly watermark: string | null
}

export interface Readiness {
  readonly name: string
  readonly category: string
  readonly enabled: boolean
  readonly populations: number
  readonly armed: number
  readonly waiting: readonly { readonly population: string; readonly lacks: string }[]
}

export interface Status extends Progress {
  readonly version: string
  readonly started: string
  readonly store: string
  readonly inputs: readonly string[]
  readonly problems: readonly Problem[]
  readonly readiness: {
    readonly budget: { readonly perDay: number; readonly day: string | null; readonly spent: Readonly<Record<string, number>> }
    readonly detectors: readonly Readiness[]
  }
}

export interface Counts {
  readonly total: number
  readonly open: number
  readonly severities: Readonly<Record<string, number>>
  readonly categories: Readonly<Record<string, number>>
}

export interface Deed {
  readonly id: string
  readonly kind: string
  readonly by: string
  readonly time: string
  readonly note: string
  readonly until: string | null
  readonly verdict: string | null
}

export interface WholeIncident {
  readonly incident: Alert
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
