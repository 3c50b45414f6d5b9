import type { Action } from '../decisions/action.ts'
import type { Alert } from '../decisions/alert.ts'
import type { Decisions } from '../decisions/decide.ts'
import type { Observation } from '../detection/observation.ts'
import type { StageRecord } from '../routing/record.ts'
import type { DeadLetter } from '../telemetry/dead-letter.ts'
import type { Event } from '../telemetry/events.ts'
import { addTally, type Tally } from '../telemetry/tally.ts'

/** Everything that one range of the log caused, in log order. Observations carry their final scores and p-values. */
export interface Outcome {
  readonly events: readonly Event[]
  readonly observations: readonly Observation[]
  readonly alerts: readonly Alert[]
  /** What people did. */
  readonly actions: readonly Action[]
  readonly deadLetters: readonly DeadLetter[]
  /** Values clamped or dropped inside usable records, by reason. */
  readonly clamped: Readonly<Tally>
  /** Spans and log records that became no event of their own, by reason. */
  readonly ignored: Readonly<Tally>
  /** For the stage behind, in the order in which they are sent; none where that is a plain call. */
  readonly outgoing: readonly Outgoing[]
}

/** A record for the stage behind, where that is not a plain call. */
export interface Outgoing {
  /** Of the topic behind. */
  readonly partition: number
  readonly record: StageRecord
}

/** How many there are of each kind. */
export function countBy<T>(items: readonly T[], kindOf: (item: T) => string): Tally {
  const counts: Tally = {}
  for (const item of items) {
    const kind = kindOf(item)
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

/** An outcome that grows record by record. */
export class OutcomeBuilder implements Outcome {
  readonly events: Event[] = []
  readonly observations: Observation[] = []
  readonly alerts: Alert[] = []
  readonly actions: Action[] = []
  readonly deadLetters: DeadLetter[] = []
  readonly clamped: Tally = {}
  readonly ignored: Tally = {}
  readonly outgoing: Outgoing[] = []

  /** What ingest could not use. */
  refuse({ deadLetters, clamped, ignored }: Pick<Outcome, 'deadLetters' | 'clamped' | 'ignored'>): void {
    this.deadLetters.push(...deadLetters)
    addTally(this.clamped, clamped)
    addTally(this.ignored, ignored)
  }

  /** An observation, with the score and p-value that it gets, and what changes by it. */
  decide(decisions: Pick<Decisions, 'process'>, observation: Observation): void {
    const { score, pValue, alerts } = decisions.process(observation)
    this.observations.push({ ...observation, score, pValue })
    this.alerts.push(...alerts)
  }
}
