import type { Incident } from './incident.ts'

/**
 * Which open incidents have to do with one another: those of one category that share a subject, a member, or a call that made them speak. A
 * cluster and one of its accounts; a run's source and the trigger of the model that it poisoned; a person and their key.
 */
export class Links {
  readonly #byName = new Map<string, Set<Incident>>()
  readonly #names = new Map<Incident, ReadonlySet<string>>()

  /** Takes up by what an incident is known now, and makes it and those that share something refer to each other. */
  note(incident: Incident): void {
    const before = this.#names.get(incident)
    const names = namesOf(incident)
    for (const name of before ?? []) if (!names.has(name)) this.#drop(name, incident)
    for (const name of names) {
      let known = this.#byName.get(name)
      if (known === undefined) {
        known = new Set()
        this.#byName.set(name, known)
      }
      if (before?.has(name)) continue
      for (const other of known) relate(incident, other)
      known.add(incident)
    }
    this.#names.set(incident, names)
  }

  /** Takes up an incident that knows its relations already. */
  restore(incident: Incident): void {
    const names = namesOf(incident)
    this.#names.set(incident, names)
    for (const name of names) this.#byName.set(name, (this.#byName.get(name) ?? new Set()).add(incident))
  }

  forget(incident: Incident): void {
    for (const name of this.#names.get(incident) ?? []) this.#drop(name, incident)
    this.#names.delete(incident)
  }

  clear(): void {
    this.#byName.clear()
    this.#names.clear()
  }

  #drop(name: string, incident: Incident): void {
    const known = this.#byName.get(name)!
    known.delete(incident)
    if (known.size === 0) this.#byName.delete(name)
  }
}

export function relate(one: Incident, other: Incident): void {
  one.relate(other)
  other.relate(one)
}

function namesOf({ category, subject, standing }: Incident): Set<string> {
  const names = [subject, ...standing.members].map(({ kind, id }) => `${category} ${kind} ${id}`)
  for (const { traceId, spanId } of standing.evidence.calls) names.push(`${category} call ${traceId} ${spanId}`)
  return new Set(names)
}
