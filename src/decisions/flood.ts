import type { Alert } from './alert.ts'
import { Fleet, type FleetState } from './fleet.ts'
import type { Incident } from './incident.ts'
import type { Matter } from './matter.ts'
import type { Standing } from './standing.ts'

/** Incidents that are opened singly within an hour at one place, in one category. */
const mostSingles = 5
export const windowMicros = 3600e6
/** Who stands out from a flood has a p-value that is smaller than the smallest of the others by this factor. */
const apart = 1e-3

interface Flood {
  /** The last openings, at most five. */
  readonly recent: { readonly time: number; readonly pValue: number }[]
  /** Smallest p-value of the openings of the present flood. */
  best: number
  fleet: Fleet | null
}

/** How a subject that became suspicious is told. */
export type Telling =
  /** By an incident of its own. */
  | { readonly as: 'single' }
  /** By an incident of its own, since it stands out from the flood. */
  | { readonly as: 'apart'; readonly fleet: Incident | null }
  /** It is the first member of a flood's incident, which is to be opened. */
  | { readonly as: 'first'; readonly fleet: Fleet }
  /** It is one more member. */
  | { readonly as: 'member'; readonly alert: Alert | null }

/** Plain values. */
export type FloodsState = readonly (readonly [string, { recent: Flood['recent']; best: number; fleet: FleetState | null }])[]

/**
 * Floods: five hundred subjects that become suspicious together are one matter for a person, not five hundred. Openings are counted in a
 * sliding hour of event time for each category, environment and run, model or service. The first five of an hour are incidents of their
 * own; from the sixth on, subjects are members of one incident about the `fleet`. How often a subject is tested, and at which level, is the
 * same with and without: it only changes how an opening is told.
 */
export class Floods {
  readonly #floods = new Map<string, Flood>()

  /** The fleet's incident that a subject is a member of and not yet quiet; null where there is none. */
  incidentOf({ scope, key }: Matter, clock: number): string | null {
    const fleet = this.#floods.get(scope)?.fleet
    return fleet?.has(key, clock) ? fleet.incident.id : null
  }

  /** A subject became suspicious: how that is told. */
  opens(matter: Matter, standing: Standing, time: number, clock: number): Telling {
    const flood = this.#floodOf(matter.scope)
    const { recent } = flood
    const begun = clock - windowMicros
    if (flood.fleet === null && (recent.at(-1)?.time ?? begun) <= begun) flood.best = 1
    const few = recent.length < mostSingles || recent[0]!.time <= begun
    const standsOut = this.#standsOut(flood, standing)
    const since = recent[0]?.time ?? clock
    recent.push({ time: clock, pValue: standing.pValue })
    if (recent.length > mostSingles) recent.shift()
    flood.best = Math.min(flood.best, standing.pValue)
    if (few) return { as: 'single' }
    if (standsOut) return { as: 'apart', fleet: flood.fleet?.incident ?? null }
    if (flood.fleet !== null) {
      flood.fleet.join(matter, standing, time)
      return { as: 'member', alert: flood.fleet.tell(time, clock) }
    }
    flood.fleet = Fleet.of(matter, standing, time, clock, mostSingles, since)
    return { as: 'first', fleet: flood.fleet }
  }

  /** A member is suspicious still. */
  grows(matter: Matter, standing: Standing, time: number, clock: number): Telling {
    const flood = this.#floods.get(matter.scope)!
    const fleet = flood.fleet!
    if (this.#standsOut(flood, standing)) {
      flood.best = standing.pValue
      fleet.leave(matter.key)
      return { as: 'apart', fleet: fleet.incident }
    }
    fleet.join(matter, standing, time)
    return { as: 'member', alert: fleet.tell(time, clock) }
  }

  /** When `advance` has something to do. */
  get dueAt(): number {
    let due = Number.POSITIVE_INFINITY
    for (const { fleet, recent } of this.#floods.values()) due = Math.min(due, fleet?.dueAt ?? recent.at(-1)!.time + windowMicros)
    return due
  }

  advance(clock: number): Alert[] {
    const alerts: Alert[] = []
    for (const [scope, flood] of this.#floods) {
      const alert = flood.fleet?.advance(clock) ?? null
      if (alert !== null) alerts.push(alert)
      if (alert?.status === 'resolved') flood.fleet = null
      if (flood.fleet === null && flood.recent.at(-1)!.time <= clock - windowMicros) this.#floods.delete(scope)
    }
    return alerts
  }

  state(): FloodsState {
    return [...this.#floods].map(([scope, { recent, best, fleet }]) => [scope, { recent, best, fleet: fleet?.state() ?? null }])
  }

  restore(state: FloodsState): void {
    this.#floods.clear()
    for (const [scope, { recent, best, fleet }] of state)
      this.#floods.set(scope, { recent: [...recent], best, fleet: fleet === null ? null : Fleet.restore(fleet) })
  }

  #standsOut({ best }: Flood, { pValue }: Standing): boolean {
    return pValue < apart * best
  }

  #floodOf(scope: string): Flood {
    let flood = this.#floods.get(scope)
    if (flood === undefined) {
      flood = { recent: [], best: 1, fleet: null }
      this.#floods.set(scope, flood)
    }
    return flood
  }
}
