import type { FeedbackVerdict } from './alert.ts'

/** What a person did about an incident. A record of the log, so that replays know it; taken up in log order, once. Times are microseconds. */
export type Action = {
  readonly id: string
  readonly incident: string
  /** When it was done, by the clock of the instance that was told. */
  readonly time: number
  /** Who, as far as the API knows: the name of the token. */
  readonly by: string
  readonly note: string
} & (
  | { readonly kind: 'acknowledge' }
  /** Until when, in event time. A time that is over ends the silence. */
  | { readonly kind: 'silence'; readonly until: number }
  | { readonly kind: 'feedback'; readonly verdict: FeedbackVerdict }
)
