import type { Category, Subject } from '../telemetry/events.ts'
import { isoMicros, microsOf } from '../telemetry/time.ts'
import type { IncidentAction } from './action.ts'
import type { Alert, Handling } from './alert.ts'
import { digest } from './digest.ts'

/** How long feedback moves the calibration of its subject, by event time. */
const feedbackMicros = 30 * 86_400e6
/** What a false alarm, or a benign one, does to the level at which its subject is tested. */
const raisedBar = 0.1
/** Incidents that are over and can still be spoken of; the one that ended longest ago makes room. */
const mostPast = 10_000
/** Subjects with a silence or feedback; the oldest makes room. */
const mostSubjects = 10_000
/** Actions that are recognised when their record comes again. */
const mostTaken = 1000

interface Known {
  readonly key: string
  /** The newest change without its handling; null when the incident is over. */
  last: Alert | null
  acknowledged: NonNullable<Handling['acknowledged']> | null
  /** A change under a silence was told to nobody. */
  withheld: boolean
}

interface Silence {
  readonly by: string
  readonly time: number
  readonly until: number
}

interface Feedback {
  readonly verdict: NonNullable<Handling['feedback']>['verdict']
  readonly by: string
  readonly time: number
}

/** Plain values. */
export interface HandlingsState {
  readonly known: readonly (readonly [string, Known])[]
  readonly silences: readonly (readonly [string, Silence])[]
  readonly feedback: readonly (readonly [string, Feedback])[]
  readonly taken: readonly string[]
}

/** Who is tested: what `bar` and `teaches` need of an observation. */
interface Tested {
  readonly category: Category
  readonly environment: string | null
  readonly subject: Subject
  readonly time: number
}

/**
 * What people did about incidents, and what follows from it. An acknowledgement belongs to its incident; a silence and feedback belong to the
 * incident's subject in its category, so that the next incident about the same does not ask the same again.
 *
 * Feedback moves the calibration of that one subject, for 30 days, and of nothing else:
 * - `false`: its level is a tenth of what it would be, and it teaches the reference, also while its incident is open: it is normal.
 * - `benign`: its level is a tenth; what it does is real and unusual, so it does not teach the reference while its incident is open.
 * - `true`: its level stays; it does not teach the reference, also when the incident is over.
 *
 * Levels are only ever lowered, so the budget is kept.
 */
export class Handlings {
  /** Incidents by id, those that are over first to go. */
  readonly #known = new Map<string, Known>()
  readonly #silences = new Map<string, Silence>()
  readonly #feedback = new Map<string, Feedback>()
  readonly #taken = new Map<string, true>()

  /** Notes alerts that were decided and adds what people did about their incidents. */
  note(alerts: readonly Alert[]): Alert[] {
    return alerts.map((decided) => {
      const known = this.#knownOf(decided)
      // An event that came late after an action: the incident stands as this alert says, so it is the newest.
      const isLate = known.last !== null && decided.time <= known.last.time
      const alert = isLate ? { ...decided, time: isoMicros(microsOf(known.last!.time) + 1) } : decided
      known.last = alert
      const told = this.#handled(known, alert)
      const silence = this.#silences.get(known.key)
      known.withheld = silence !== undefined && (known.withheld || alert.status !== 'resolved')
      if (alert.status === 'resolved') this.#over(alert.incident, known)
      return told
    })
  }

  /**
   * Takes an action up at the event time `clock`. Gives the change of the incident that it is, none where the incident is over or not known any
   * more.
   */
  act(action: IncidentAction, clock: number): Alert[] {
    const known = this.#known.get(action.incident)
    if (known === undefined || this.#taken.has(action.id)) return []
    put(this.#taken, action.id, true, mostTaken)
    const { by, time } = action
    switch (action.kind) {
      case 'acknowledge':
        if (known.last === null || known.acknowledged !== null) return []
        known.acknowledged = { by, time: isoMicros(time) }
        return this.#change(known, action, clock, 'acknowledged')
      case 'silence':
        this.#silences.delete(known.key)
        if (action.until > time) put(this.#silences, known.key, { by, time, until: action.until })
        else known.withheld = false
        return this.#change(known, action, clock, 'silenced')
      case 'feedback':
        this.#feedback.delete(known.key)
        put(this.#feedback, known.key, { verdict: action.verdict, by, time })
        return this.#change(known, action, clock, 'feedback')
    }
  }

  /** The subject that an incident is about, null when it is not known any more. */
  subjectOf(incident: string): { readonly category: Category; readonly kind: string; readonly id: string } | null {
    const key = this.#known.get(incident)?.key
    if (key === undefined) return null
    const [category, , kind, id] = JSON.parse(key) as [Category, string, string, string]
    return { category, kind, id }
  }

  /** Ends the silences that are over by `time`. An incident that changed meanwhile says where it stands. */
  expire(time: number): Alert[] {
    const alerts: Alert[] = []
    for (const [key, { until }] of this.#silences) {
      if (until > time) continue
      this.#silences.delete(key)
      for (const known of this.#known.values()) {
        if (known.key !== key || known.last === null || !known.withheld) continue
        known.withheld = false
        known.last = changed(known.last, `silence ${until}`, until)
        alerts.push(this.#handled(known, known.last))
      }
    }
    return alerts
  }

  /** Factor on the level at which a subject is tested, at most 1. */
  bar(tested: Tested): number {
    const verdict = this.#verdict(tested)
    return verdict === 'false' || verdict === 'benign' ? raisedBar : 1
  }

  /** Whether a subject teaches the reference what is normal. */
  teaches(tested: Tested, underIncident: boolean): boolean {
    const verdict = this.#verdict(tested)
    return verdict === 'false' || (verdict !== 'true' && !underIncident)
  }

  state(): HandlingsState {
    return { known: [...this.#known], silences: [...this.#silences], feedback: [...this.#feedback], taken: [...this.#taken.keys()] }
  }

  restore({ known, silences, feedback, taken }: HandlingsState): void {
    fill(this.#known, known)
    fill(this.#silences, silences)
    fill(this.#feedback, feedback)
    fill(
      this.#taken,
      taken.map((id) => [id, true]),
    )
  }

  #verdict(tested: Tested): Feedback['verdict'] | null {
    if (this.#feedback.size === 0) return null
    const feedback = this.#feedback.get(keyOf(tested))
    return feedback === undefined || tested.time - feedback.time > feedbackMicros ? null : feedback.verdict
  }

  #knownOf(alert: Alert): Known {
    let known = this.#known.get(alert.incident)
    if (known === undefined) {
      known = { key: keyOf(alert), last: null, acknowledged: null, withheld: false }
      this.#known.set(alert.incident, known)
    }
    return known
  }

  #over(incident: string, known: Known): void {
    known.last = null
    this.#known.delete(incident)
    put(this.#known, incident, known, mostPast, ({ last }) => last === null)
  }

  #change(known: Known, action: IncidentAction, clock: number, change: NonNullable<Handling['change']>): Alert[] {
    if (known.last === null) return []
    known.last = changed(known.last, action.id, clock)
    return [this.#handled(known, known.last, change)]
  }

  #handled(known: Known, alert: Alert, change?: NonNullable<Handling['change']>): Alert {
    const silence = this.#silences.get(known.key)
    const feedback = this.#feedback.get(known.key)
    const handling: Handling = {
      ...(change === undefined ? {} : { change }),
      ...(known.acknowledged !== null && { acknowledged: known.acknowledged }),
      ...(silence === undefined ? {} : { silenced: { by: silence.by, time: isoMicros(silence.time), until: isoMicros(silence.until) } }),
      ...(feedback === undefined ? {} : { feedback: { verdict: feedback.verdict, by: feedback.by, time: isoMicros(feedback.time) } }),
    }
    return Object.keys(handling).length === 0 ? alert : { ...alert, handling }
  }
}

function keyOf({ category, environment, subject }: Pick<Tested, 'category' | 'environment' | 'subject'>): string {
  return JSON.stringify([category, environment ?? '', subject.kind, subject.id])
}

/** The same state of an incident, told anew because of `cause`: at `time`, but later than all that was told, so that it is the newest. */
function changed(last: Alert, cause: string, time: number): Alert {
  const id = `alert_${digest(last.incident, cause)}`
  return { ...last, id, status: 'updated', time: isoMicros(Math.max(time, microsOf(last.time) + 1)) }
}

/** Sets a key as the newest; of those that may go the oldest makes room. */
function put<T>(map: Map<string, T>, key: string, value: T, most = mostSubjects, mayGo: (value: T) => boolean = () => true): void {
  map.set(key, value)
  if (map.size <= most) return
  for (const [oldest, one] of map) {
    if (oldest === key || !mayGo(one)) continue
    map.delete(oldest)
    return
  }
}

function fill<T>(map: Map<string, T>, entries: readonly (readonly [string, T])[]): void {
  map.clear()
  for (const [key, value] of entries) map.set(key, value)
}
