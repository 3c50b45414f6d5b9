import type { Alert } from './alert.ts'
import { Floods, type FloodsState, type Telling, windowMicros } from './flood.ts'
import { Incident, type IncidentState } from './incident.ts'
import { Links, relate } from './links.ts'
import type { Matter } from './matter.ts'
import type { Standing } from './standing.ts'

interface Open {
  readonly scope: string
  readonly incident: Incident
}

/** Plain values. */
export interface IncidentsState {
  readonly open: readonly { readonly key: string; readonly scope: string; readonly incident: IncidentState }[]
  readonly floods: FloodsState
}

/** All open incidents, one a matter, whichever tests found it. */
export class Incidents {
  readonly #open = new Map<string, Open>()
  readonly #floods = new Floods()
  readonly #links = new Links()
  #clock = Number.NEGATIVE_INFINITY
  /** Nothing becomes quiet before. */
  #due = Number.NEGATIVE_INFINITY

  /** Id of the open incident that a matter belongs to, its own or that of a flood; null where there is none. */
  of(matter: Matter): string | null {
    return this.#open.get(matter.key)?.incident.id ?? this.#floods.incidentOf(matter, this.#clock)
  }

  /** A matter without an incident has become suspicious. */
  open(matter: Matter, standing: Standing, time: number): Alert[] {
    // A cluster says of many accounts at once what they are: no part of a flood.
    if (matter.subject.kind === 'cluster') return this.#told({ as: 'single' }, matter, standing, time)
    return this.#told(this.#floods.opens(matter, standing, time, this.#clock), matter, standing, time)
  }

  /** A matter that has an incident is suspicious still. */
  grow(matter: Matter, standing: Standing, time: number): Alert[] {
    const single = this.#open.get(matter.key)?.incident
    if (single === undefined) return this.#told(this.#floods.grows(matter, standing, time, this.#clock), matter, standing, time)
    const alert = single.update(standing, time)
    this.#links.note(single)
    return alert === null ? [] : [alert]
  }

  /** Event time has come to `time`: what is quiet is resolved. */
  advance(time: number): Alert[] {
    this.#clock = time
    if (time < this.#due) return []
    const alerts = this.#floods.advance(time)
    this.#due = this.#floods.dueAt
    for (const [key, { incident }] of this.#open) {
      const alert = incident.resolve(time)
      if (alert === null) {
        this.#due = Math.min(this.#due, incident.quietAt)
        continue
      }
      alerts.push(alert)
      this.#open.delete(key)
      this.#links.forget(incident)
    }
    return alerts
  }

  state(): IncidentsState {
    return {
      open: [...this.#open].map(([key, { scope, incident }]) => ({ key, scope, incident: incident.state() })),
      floods: this.#floods.state(),
    }
  }

  /** Goes on at the event time `clock` from what `state` told. */
  restore({ open, floods }: IncidentsState, clock: number): void {
    this.#clock = clock
    this.#due = Number.NEGATIVE_INFINITY
    this.#open.clear()
    this.#links.clear()
    for (const { key, scope, incident: state } of open) {
      const incident = Incident.restore(state)
      this.#open.set(key, { scope, incident })
      this.#links.restore(incident)
    }
    this.#floods.restore(floods)
  }

  #told(telling: Telling, matter: Matter, standing: Standing, time: number): Alert[] {
    this.#due = Number.NEGATIVE_INFINITY
    switch (telling.as) {
      case 'first': {
        const { fleet } = telling
        for (const { scope, incident } of this.#open.values())
          if (scope === matter.scope && incident.opened > this.#clock - windowMicros) relate(incident, fleet.incident)
        return [fleet.open()]
      }
      case 'member':
        return telling.alert === null ? [] : [telling.alert]
    }
    const { key, scope, category, subject } = matter
    const incident = Incident.about(key, category, subject, time, this.#clock, standing)
    this.#open.set(key, { scope, incident })
    this.#links.note(incident)
    if (telling.as === 'apart' && telling.fleet !== null) relate(incident, telling.fleet)
    return [incident.open()]
  }
}
