import type { Category } from '../telemetry/events.ts'
import { isoMicros, microsOf } from '../telemetry/time.ts'
import type { ExpectAction } from './action.ts'
import type { Alert } from './alert.ts'

/** Announced changes that are kept; the one that was announced first makes room. */
const most = 1000

/** What must fit: of an observation, or of an alert. */
interface Seen {
  readonly category: Category
  readonly model: string | null
  readonly service: string | null
}

/**
 * Changes that were announced. What is noticed within one is recorded and nobody is told, and nothing of it teaches a reference; before and
 * after, everything is judged as ever. An incident that is still growing when the time is over says so then.
 */
export class Expectations {
  readonly #announced = new Map<string, ExpectAction>()

  add(announced: ExpectAction): void {
    this.#announced.set(announced.id, announced)
    if (this.#announced.size > most) this.#announced.delete(this.#announced.keys().next().value as string)
  }

  withdraw(id: string): void {
    this.#announced.delete(id)
  }

  /** The first announced change that `time` (microseconds) lies in and that is about this. */
  covering(seen: Seen, time: number): ExpectAction | null {
    for (const announced of this.#announced.values()) {
      const { from, until, category, model, service } = announced
      if (time < from || time > until) continue
      if (category !== null && category !== seen.category) continue
      if (model !== null && model !== seen.model) continue
      if (service !== null && service !== seen.service) continue
      return announced
    }
    return null
  }

  /** Says of alerts that they were expected. */
  note(alerts: Alert[]): Alert[] {
    if (this.#announced.size === 0) return alerts
    return alerts.map((alert) => {
      const announced = this.covering(alert, microsOf(alert.time))
      if (announced === null) return alert
      const { by, note, from, until } = announced
      return { ...alert, handling: { ...alert.handling, expected: { by, note, from: isoMicros(from), until: isoMicros(until) } } }
    })
  }

  list(): ExpectAction[] {
    return [...this.#announced.values()]
  }

  restore(announced: readonly ExpectAction[]): void {
    this.#announced.clear()
    for (const one of announced) this.#announced.set(one.id, one)
  }
}
