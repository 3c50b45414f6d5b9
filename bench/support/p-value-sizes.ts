import type { DetectorDefinition } from '../../src/detection/contract.ts'
import type { Observation } from '../../src/detection/observation.ts'
import type { Event } from '../../src/telemetry/events.ts'

const dayMicros = 86_400e6

/** p-values of one detector on benign traffic, one a test: a look where it is `perLook`, else the smallest of a subject and day (of a run). */
export interface Tests {
  readonly unit: 'look' | 'subject and day' | 'subject and run'
  readonly count: number
  /** Ascending; tests of which the detector said nothing are not in it and count as one. */
  readonly pValues: readonly number[]
}

/** Collects what each detector's p-values come to on benign traffic. */
export class PValueSizes {
  readonly #looks = new Map<string, number[]>()
  readonly #smallest = new Map<string, Map<string, number>>()
  /** By kind of subject, all subjects and days (runs) that were there, whether or not a detector spoke of them. */
  readonly #there = new Map<string, Set<string>>()
  readonly #kinds = new Map<string, string>()
  readonly #exact = new Set<string>()
  readonly #inRuns = new Set<string>()

  /** `stretch` keeps what has the same names in several stretches apart. */
  event(event: Event, stretch: number): void {
    if (event.kind === 'call' && event.principal !== null) this.#note('principal', event.principal.id, `${stretch} ${dayOf(event)}`)
    if (event.kind === 'trainingSample' && event.source !== null) this.#note('source', event.source, `${stretch} ${event.run}`)
    if (event.kind === 'trainingUpdate') this.#note('client', event.client, `${stretch} ${event.run}`)
  }

  /** An observation with its final p-value, null in warm-up. */
  observation(definition: DetectorDefinition, observation: Observation, pValue: number | null, stretch: number): void {
    if (pValue === null) return
    const { name } = definition
    if (definition.perLook === true) {
      const looks = this.#looks.get(name) ?? []
      this.#looks.set(name, looks)
      looks.push(pValue)
      return
    }
    if (observation.pValue !== null) this.#exact.add(name)
    if (observation.run !== null) this.#inRuns.add(name)
    this.#kinds.set(name, observation.subject.kind)
    const { kind, id } = observation.subject
    const test = `${kind} ${id} ${stretch} ${observation.run ?? dayOf(observation)} ${observation.population}`
    const smallest = this.#smallest.get(name) ?? new Map<string, number>()
    this.#smallest.set(name, smallest)
    smallest.set(test, Math.min(pValue, smallest.get(test) ?? 1))
  }

  /** By detector. Of a detector with a null of its own everybody counts as tested, of one whose scores are ranked those whom it spoke of. */
  tests(): ReadonlyMap<string, Tests> {
    const all = new Map<string, Tests>()
    for (const [name, looks] of this.#looks) all.set(name, { unit: 'look', count: looks.length, pValues: looks.sort((a, b) => a - b) })
    for (const [name, smallest] of this.#smallest) {
      const there = this.#exact.has(name) ? (this.#there.get(this.#kinds.get(name)!)?.size ?? 0) : 0
      all.set(name, {
        unit: this.#inRuns.has(name) ? 'subject and run' : 'subject and day',
        count: Math.max(smallest.size, there),
        pValues: [...smallest.values()].sort((a, b) => a - b),
      })
    }
    return all
  }

  #note(kind: string, id: string, when: string): void {
    const there = this.#there.get(kind) ?? new Set<string>()
    this.#there.set(kind, there)
    there.add(`${id} ${when}`)
  }
}

/** How many of the tests have a p-value of at most `p`. */
export function countUpTo({ pValues }: Tests, p: number): number {
  let count = 0
  while (count < pValues.length && pValues[count]! <= p) count++
  return count
}

function dayOf({ time }: { readonly time: number }): number {
  return Math.floor(time / dayMicros)
}
