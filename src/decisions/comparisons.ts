import type { DetectorDefinition, Evidence, Reference } from '../detection/contract.ts'
import type { Observation } from '../detection/observation.ts'
import type { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import type { Category } from '../telemetry/events.ts'
import type { ReferenceAction } from './action.ts'
import { ScorePopulation } from './population.ts'

export interface PopulationStatus {
  readonly detector: string
  readonly population: string
  readonly subjects: number
  /** What is missing until it can judge; null when armed. */
  readonly lacks: string | null
  /** Since when it learns, event time, microseconds. */
  readonly since: number
  /** Who stopped its learning, and when (microseconds); null where it learns. */
  readonly frozen: { readonly by: string; readonly time: number; readonly note: string } | null
}

/** What a detector says of the subjects of one population is compared with the same of the others. */
export interface Comparison {
  readonly key: string
  readonly scores: ScorePopulation
  /** Nobody stopped its learning. */
  readonly learns: boolean
}

/** Everything that subjects are compared with: for each detector and population the others' scores, and the reference half where it has one. */
export class Comparisons {
  readonly #definitions: ReadonlyMap<string, DetectorDefinition>
  readonly #populations = new Map<string, ScorePopulation>()
  readonly #references = new Map<string, Reference>()
  /** Who stopped the learning of a detector's population, by their names. */
  readonly #frozen = new Map<string, ReferenceAction>()

  constructor(definitions: ReadonlyMap<string, DetectorDefinition>) {
    this.#definitions = definitions
  }

  /** The comparison of a detector's population; it begins at `time` if this is the first word of it. */
  of(detector: string, population: string, time: number): Comparison {
    const key = keyOf(detector, population)
    let scores = this.#populations.get(key)
    if (scores === undefined) {
      scores = new ScorePopulation(time)
      this.#populations.set(key, scores)
    }
    return { key, scores, learns: !this.#frozen.has(key) }
  }

  /** The score after the reference half, with its evidence; a null score is warm-up. */
  score(definition: DetectorDefinition, { key }: Comparison, observation: Observation, learn: boolean): Scored {
    if (definition.buildReference === undefined || observation.sketch === null) return observation
    let reference = this.#references.get(key)
    if (reference === undefined) {
      reference = definition.buildReference()
      this.#references.set(key, reference)
    }
    const scored = reference.score(observation.subject.id, observation.sketch, learn)
    if (scored === null) return { score: null, evidence: observation.evidence }
    return { score: scored.score, evidence: { ...observation.evidence, ...scored.evidence } }
  }

  /** Scores that the reference half gives the others now, ascending; absent where those that were learned count. */
  othersOf({ key }: Comparison, subject: string): Float64Array | undefined {
    return this.#references.get(key)?.others?.(subject)
  }

  /** Weight of the detectors of a category that can judge a population now. */
  armed(category: Category, population: string, time: number): number {
    let weight = 0
    for (const definition of this.#definitions.values()) {
      if (definition.category !== category) continue
      const scores = this.#populations.get(keyOf(definition.name, population))
      if (scores !== undefined && scores.lacks(time) === null) weight += definition.weight
    }
    return weight
  }

  /** Takes what a subject has taught out of a category's comparisons within one population. */
  forget(category: Category, population: string, subject: string): void {
    for (const definition of this.#definitions.values()) {
      if (definition.category !== category) continue
      const key = keyOf(definition.name, population)
      this.#populations.get(key)?.forget(subject)
      this.#references.get(key)?.forget(subject)
    }
  }

  /** The same in every population. */
  forgetEverywhere(category: Category, subject: string): void {
    const concerns = (key: string) => this.#definitions.get(key.slice(0, key.indexOf('\u0000')))?.category === category
    for (const [key, scores] of this.#populations) if (concerns(key)) scores.forget(subject)
    for (const [key, reference] of this.#references) if (concerns(key)) reference.forget(subject)
  }

  /** Stops the learning of a population, or lets it go on. */
  act(action: ReferenceAction): void {
    const key = keyOf(action.detector, action.population)
    if (action.kind === 'freeze') this.#frozen.set(key, action)
    else this.#frozen.delete(key)
  }

  /** Every population that was seen. */
  status(clock: number): PopulationStatus[] {
    return [...this.#populations].map(([key, scores]) => {
      const [detector, population] = key.split('\u0000')
      const stopped = this.#frozen.get(key)
      return {
        detector,
        population,
        subjects: scores.size,
        lacks: scores.lacks(Math.max(clock, scores.since)),
        since: scores.since,
        frozen: stopped === undefined ? null : { by: stopped.by, time: stopped.time, note: stopped.note },
      }
    })
  }

  encode(writer: ByteWriter): void {
    writer.u32(this.#populations.size)
    for (const [key, scores] of this.#populations) {
      writer.text(key)
      scores.encode(writer)
    }
    writer.u32(this.#references.size)
    for (const [key, reference] of this.#references) writer.text(key).block(reference.encode())
  }

  /** Puts what `encode` wrote in place of what there is; its detectors must be known. */
  decode(reader: ByteReader): void {
    this.#populations.clear()
    for (let left = reader.u32(); left > 0; left--) this.#populations.set(reader.text(), ScorePopulation.decode(reader))
    this.#references.clear()
    for (let left = reader.u32(); left > 0; left--) {
      const key = reader.text()
      const reference = this.#definitions.get(key.slice(0, key.indexOf('\u0000')))!.buildReference!()
      reference.decode(reader.block())
      this.#references.set(key, reference)
    }
  }

  frozen(): [string, ReferenceAction][] {
    return [...this.#frozen]
  }

  restoreFrozen(frozen: readonly (readonly [string, ReferenceAction])[]): void {
    this.#frozen.clear()
    for (const [key, action] of frozen) this.#frozen.set(key, action)
  }
}

type Scored = { readonly score: number | null; readonly evidence: Evidence }

function keyOf(detector: string, population: string): string {
  return `${detector}\u0000${population}`
}
