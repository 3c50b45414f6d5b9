import type { Category, Subject } from '../telemetry/events.ts'
import { isoMicros } from '../telemetry/time.ts'
import type { Alert, Severity } from './alert.ts'
import { digest } from './digest.ts'
import { isWorse, severityOf } from './severity.ts'
import { tagsOf } from './tags.ts'

/** What is known about a subject when its incident opens or changes. */
export interface Standing {
  readonly detector: string
  readonly detectors: readonly string[]
  readonly title: string
  readonly score: number
  readonly threshold: number | null
  readonly pValue: number
  /** Subjects that the incident is about besides its own. */
  readonly members: readonly Subject[]
  readonly model: string | null
  readonly service: string | null
  readonly environment: string | null
  readonly run: string | null
  readonly firstSeen: number
  readonly lastSeen: number
  readonly events: number
  readonly evidence: Readonly<Record<string, unknown>>
  /** After so long without suspicion the incident is over; a day where absent. */
  readonly quietMicros?: number
}

/** Everything that an incident remembers, as plain values. */
export interface IncidentState {
  readonly id: string
  readonly category: Category
  readonly subject: Subject
  readonly opened: number
  readonly detectors: readonly string[]
  readonly severity: Severity
  readonly alerts: number
  readonly standing: Standing
  readonly active: number
  readonly alertedEvents: number
}

/** An incident is resolved after a day without suspicion, where its standing names no other time. */
const quietMicros = 86_400e6

/** Everything that is wrong with one subject in one category, from the first alert until it is quiet. */
export class Incident {
  readonly id: string
  readonly category: Category
  readonly subject: Subject
  readonly opened: number
  readonly #detectors = new Set<string>()
  #severity: Severity
  #alerts: number
  #standing: Standing
  #active: number
  #alertedEvents: number

  private constructor({ id, category, subject, opened, detectors, severity, alerts, standing, active, alertedEvents }: IncidentState) {
    this.id = id
    this.category = category
    this.subject = subject
    this.opened = opened
    for (const name of detectors) this.#detectors.add(name)
    this.#severity = severity
    this.#alerts = alerts
    this.#standing = standing
    this.#active = active
    this.#alertedEvents = alertedEvents
  }

  static about(category: Category, subject: Subject, population: string, opened: number, standing: Standing): Incident {
    const id = `inc_${digest(category, population, subject.kind, subject.id, opened)}`
    const fresh = { detectors: [], severity: 'low', alerts: 0, alertedEvents: 0 } as const
    return new Incident({ id, category, subject, opened, standing, active: opened, ...fresh })
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
      detectors: [...this.#detectors],
      severity: this.#severity,
      alerts: this.#alerts,
      standing: this.#standing,
      active: this.#active,
      alertedEvents: this.#alertedEvents,
    }
  }

  open(): Alert {
    this.#absorb(this.#standing)
    return this.#alert('opened', this.opened)
  }

  /** Takes a still suspicious look in. Gives an alert when it says more than the last one: twice the events, worse, or another detector. */
  update(standing: Standing, time: number): Alert | null {
    const known = this.#detectors.size
    const severity = this.#severity
    this.#standing = standing
    this.#active = Math.max(this.#active, time)
    this.#absorb(standing)
    if (standing.events < 2 * this.#alertedEvents && this.#detectors.size === known && this.#severity === severity) return null
    return this.#alert('updated', time)
  }

  /** Closes the incident when it has been quiet long enough by `time`. */
  resolve(time: number): Alert | null {
    return time - this.#active >= (this.#standing.quietMicros ?? quietMicros) ? this.#alert('resolved', time) : null
  }

  #absorb(standing: Standing): void {
    for (const name of standing.detectors) this.#detectors.add(name)
    const severity = severityOf(standing.pValue)
    if (isWorse(severity, this.#severity)) this.#severity = severity
  }

  #alert(status: Alert['status'], time: number): Alert {
    const standing = this.#standing
    const detectors = [...this.#detectors].sort()
    this.#alertedEvents = standing.events
    const subject = { kind: this.subject.kind, id: this.subject.id }
    return {
      id: `alert_${digest(this.id, this.#alerts++, status)}`,
      incident: this.id,
      status,
      time: isoMicros(time),
      opened: isoMicros(this.opened),
      detector: standing.detector,
      detectors,
      category: this.category,
      severity: this.#severity,
      title: standing.title.replace('{subject}', `${subject.kind} ${subject.id}`),
      subject,
      members: [subject, ...standing.members],
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
    }
  }
}
