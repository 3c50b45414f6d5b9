import type { Category } from '../telemetry/events.ts'
import type { FeedbackVerdict } from './alert.ts'

interface Done {
  readonly id: string
  /** When it was done, by the clock of the instance that was told. */
  readonly time: number
  /** Who, as far as the API knows: the name of the token. */
  readonly by: string
  readonly note: string
}

/** What a person did about an incident. */
export type IncidentAction = Done & { readonly incident: string } & (
    | { readonly kind: 'acknowledge' }
    /** Until when, in event time. A time that is over ends the silence. */
    | { readonly kind: 'silence'; readonly until: number }
    | { readonly kind: 'feedback'; readonly verdict: FeedbackVerdict }
  )

/** A population's reference stops to learn, or goes on. */
export type ReferenceAction = Done & { readonly kind: 'freeze' | 'thaw'; readonly detector: string; readonly population: string }

/** A change that was announced: a load test, a release. Its id is the action's. Null stands for any. */
export type ExpectAction = Done & {
  readonly kind: 'expect'
  /** Event time, both included. */
  readonly from: number
  readonly until: number
  readonly model: string | null
  readonly service: string | null
  readonly category: Category | null
}

/** An announced change is called off, from the record's place in the log on. */
export type WithdrawAction = Done & { readonly kind: 'withdraw'; readonly expectation: string }

/** What a person did. A record of the log, so that replays know it; taken up in log order, once. Times are microseconds. */
export type Action = IncidentAction | ReferenceAction | ExpectAction | WithdrawAction
