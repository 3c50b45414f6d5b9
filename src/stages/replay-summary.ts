import type { Ledger } from '../decisions/budget.ts'
import { addTally, type Tally } from '../telemetry/tally.ts'
import { countBy, type Outcome } from './outcome.ts'
import type { Stages } from './stages.ts'

export interface ReplaySummary {
  readonly records: number
  readonly events: number
  readonly byKind: Readonly<Record<string, number>>
  readonly deadLetters: Readonly<Record<string, number>>
  readonly clamped: Readonly<Tally>
  /** Spans and log records that became no event of their own. */
  readonly ignored: Readonly<Tally>
  /** Populations that never had enough subjects to judge. */
  readonly warmUp: readonly { readonly detector: string; readonly population: string; readonly lacks: string }[]
  /** Changes of incidents, by the detector that each names first. */
  readonly alerts: Readonly<Tally>
  /** Incidents that were opened. */
  readonly incidents: number
  /** The false-alarm budget, and what of it the tests took. */
  readonly budget: Ledger & { readonly perDay: number }
}

/** Adds up what the ranges of a replay caused. */
export class SummaryCounts {
  records = 0
  events = 0
  private readonly byKind: Tally = {}
  private readonly deadLetters: Tally = {}
  private readonly clamped: Tally = {}
  private readonly ignored: Tally = {}
  private readonly alerts: Tally = {}
  private incidents = 0

  add({ events, deadLetters, clamped, ignored, alerts }: Outcome, records: number): void {
    this.records += records
    this.events += events.length
    addTally(
      this.byKind,
      countBy(events, (event) => event.kind),
    )
    addTally(
      this.deadLetters,
      countBy(deadLetters, (letter) => letter.code),
    )
    addTally(this.clamped, clamped)
    addTally(this.ignored, ignored)
    addTally(
      this.alerts,
      countBy(alerts, ({ detector }) => detector),
    )
    this.incidents += alerts.filter(({ status }) => status === 'opened').length
  }

  /** With what the decide stage says at the end. */
  summary(decisions: Pick<Stages['decisions'], 'status' | 'budget' | 'ledger'>): ReplaySummary {
    const { records, events, byKind, deadLetters, clamped, ignored, alerts, incidents } = this
    const warmUp = decisions
      .status()
      .flatMap(({ detector, population, lacks }) => (lacks === null ? [] : [{ detector, population, lacks }]))
    const budget = { perDay: decisions.budget().perDay, ...decisions.ledger() }
    return { records, events, byKind, deadLetters, clamped, ignored, alerts, incidents, budget, warmUp }
  }
}
