import type { Reason } from './reasons.ts'

/** Counts by reason. */
export type Tally = Record<string, number>

/** Counts one more of a reason of the closed lists. */
export function count(tally: Tally, reason: Reason): void {
  tally[reason] = (tally[reason] ?? 0) + 1
}

export function addTally(into: Tally, from: Readonly<Tally>): void {
  for (const reason in from) into[reason] = (into[reason] ?? 0) + from[reason]!
}
