import type { Category, Subject } from '../telemetry/events.ts'
import { isoMicros } from '../telemetry/time.ts'
import type { Alert, Related, Severity } from './alert.ts'
import { digest } from './digest.ts'
import { isWorse, severityOf, type Weight } from './severity.ts'
import { merged, quietOf, type Standing } from './standing.ts'
import { tagsOf } from './tags.ts'

/** Everything that an incident remembers, as plain values. */
export interface IncidentState {
  readonly id: string
  readonly category: Category
  readonly subject: Subject
  readonly opened: number
  readonly severity: Severity
  readonly alerts: number
  /** Time of the last alert; null before the first one. */
  readonly toldAt: number | null
  readonly standing: Standing
  readonly active: number
  readonly alertedEvents: number
  readonly related: readonly Related[]
}

function weightOf({ pValue, effect, members, reach }: Standing): Weight {
  return { pValue, effect, reach: reach ?? 1 + members.length }
}

/** Other incidents that an incident refers to. */
const mostRelated = 20

/** Everything that is wrong with one subject in one category, from the first alert until it is quiet. */
export class Incident {
  readonly id: string
  readonly category: Category
  readonly subject: Subject
  readonly opened: number
  #severity: Severity
  #alerts: number
  #toldAt: number | null
  #standing: Standing
  #active: number
  #alertedEvents: number
  readonly #related = new Map<string, Related>()

  private constructor(state: IncidentState) {
    const { id, category, subject, opened, severity, alerts, toldAt, standing, active, alertedEvents, related } = state
    this.id = id
    this.category = category
    this.subject = subject
    this.opened = opened
    this.#severity = severity
    this.#alerts = alerts
    this.#toldAt = toldAt
    this.#standing = standing
    this.#active = active
    this.#alertedEvents = alertedEvents
    for (const one of related) this.#related.set(one.incident, one)
  }

  /** `matter` names what it is about; one matter has one incident at a time, so with `opened` and `clock` it gives the id. */
  static about(matter: string, category: Category, subject: Subject, opened: number, clock: number, standing: Standing): Incident {
    const id = `inc_${digest(matter, opened, clock)}`
    const { kind, id: name } = subject
    const fresh = { severity: severityOf(weightOf(standing)), alerts: 0, toldAt: null, alertedEvents: 0, related: [] } as const
    return new Incident({ id, category, subject: { kind, id: name }, opened, standing, active: opened, ...fresh })
  }

  /** Goes on from what `state` told. */
  static restore(state: IncidentState): Incident {
    return new Incident(state)
  }

  state(): IncidentState {
    return {
      id: this.id,
      category: this.category,
      subject: this.subject,
      opened: this.opened,
      severity: this.#severity,
      alerts: this.#alerts,
      toldAt: this.#toldAt,
      standing: this.#standing,
      active: this.#active,
      alertedEvents: this.#alertedEvents,
      related: [...this.#related.values()],
    }
  }

  get severity(): Severity {
    return this.#severity
  }

  get standing(): Standing {
    return this.#standing
  }

  /** When it is over if nothing suspicious comes any more. */
  get quietAt(): number {
    return this.#active + quietOf(this.#standing)
  }

  open(): Alert {
    return this.#alert('opened', this.opened)
  }

  /** Takes a still suspicious look in. Gives an alert when it says more than the last one: twice the events, worse, or another detector. */
  update(standing: Standing, time: number): Alert | null {
    const known = this.#standing.detectors.length
    const worse = this.restate(merged(this.#standing, standing), time)
    if (this.#standing.events < 2 * this.#alertedEvents && this.#standing.detectors.length === known && !worse) return null
    return this.tell(time)
  }

  /** Puts what is known now in place of what was. True when the incident became more severe. */
  restate(standing: Standing, time: number): boolean {
    this.#standing = standing
    this.touch(time)
    const severity = severityOf(weightOf(standing))
    const worse = isWorse(severity, this.#severity)
    if (worse) this.#severity = severity
    return worse
  }

  /** It is not quiet at `time`. */
  touch(time: number): void {
    this.#active = Math.max(this.#active, time)
  }

  /** Says where it stands. */
  tell(time: number): Alert {
    return this.#alert('updated', time)
  }

  /** Closes the incident when it has been quiet long enough by `time`. */
  resolve(time: number): Alert | null {
    return time >= this.quietAt ? this.#alert('resolved', time) : null
  }

  /** Refers to another incident from its next alert on. */
  relate({ id, subject }: Pick<Incident, 'id' | 'subject'>): void {
    if (id !== this.id && this.#related.size < mostRelated) this.#related.set(id, { incident: id, subject })
  }

  #alert(status: Alert['status'], time: number): Alert {
    const standing = this.#standing
    const detectors = standing.detectors.toSorted()
    this.#alertedEvents = standing.events
    const { kind, id } = this.subject
    // What comes late is told now: the last alert says how the incident stands.
    const toldAt = this.#toldAt === null ? time : Math.max(time, this.#toldAt + 1)
    this.#toldAt = toldAt
    const related = [...this.#related.values()].sort((a, b) => (a.incident < b.incident ? -1 : 1))
    return {
      id: `alert_${digest(this.id, this.#alerts++, status)}`,
      incident: this.id,
      status,
      time: isoMicros(toldAt),
      opened: isoMicros(this.opened),
      detector: standing.detector,
      detectors,
      category: this.category,
      severity: this.#severity,
      title: standing.title.replace('{subject}', () => `${kind} ${id}`),
      subject: { kind, id },
      members: [{ kind, id }, ...standing.members],
      model: standing.model,
      service: standing.service,
      environment: standing.environment,
      run: standing.run,
      window: { start: isoMicros(standing.firstSeen), end: isoMicros(standing.lastSeen), events: standing.events },
      score: standing.score,
      threshold: standing.threshold,
      pValue: standing.pValue,
      evidence: standing.evidence,
      tags: tagsOf(this.category, detectors),
      ...(related.length === 0 ? {} : { related }),
    }
  }
}
