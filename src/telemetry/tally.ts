/** Counts by reason. */
export type Tally = Record<string, number>

export function count(tally: Tally, reason: string, by = 1): void {
  tally[reason] = (tally[reason] ?? 0) + by
}

export function addTally(into: Tally, from: Readonly<Tally>): void {
  for (const reason in from) count(into, reason, from[reason]!)
}
