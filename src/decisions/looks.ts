import type { DetectorDefinition } from '../detection/contract.ts'
import type { Observation } from '../detection/observation.ts'
import type { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import type { Alert } from './alert.ts'
import { type Budget, weightOf } from './budget.ts'
import type { EffectTest } from './effect.ts'
import { evidenceOf } from './evidence.ts'
import type { Handlings } from './handlings.ts'
import type { Incidents } from './incidents.ts'
import { matterOf } from './matter.ts'
import type { Standing } from './standing.ts'

interface Looks {
  day: number
  /** Looks of the day so far, and how many were planned for. */
  count: number
  plan: number
  /** Time of the first look, microseconds. */
  readonly since: number
  /** The last look had a p-value: the state is out of warm-up. */
  armed: boolean
}

/** How many states a detector of this kind watches, and how many of them are out of warm-up. */
export interface LookStatus {
  readonly detector: string
  readonly states: number
  readonly armed: number
}

const dayMicros = 86_400e6
/** The first day of a state is planned for a look a minute; later days for a quarter more than the last one had, at least 24. */
const firstPlan = 1440
const smallestPlan = 24
/** Most that one state may take of a day's budget. Looks share it, so no single look opens an incident on weak evidence. */
const mostOfDay = 0.1
/** Bound on memory; who was silent longest starts a day anew. */
const mostWatched = 500_000
/** An open incident stays alive while p-values are within this factor of the level that opened it. */
const hysteresis = 10

/** What the decisions share with those about subjects that are ranked. */
export interface Surroundings {
  readonly budget: Budget
  readonly handlings: Pick<Handlings, 'bar'>
  readonly incidents: Pick<Incidents, 'of' | 'open' | 'grow'>
  readonly hasEffect: EffectTest
  /** Hash of the configuration, for the evidence. */
  readonly configuration: string | null
}

/**
 * Decisions about detectors whose every finding has a p-value of its own that is valid for this one look (the points of a series, the
 * steps of a training run). The state's level of the day (`Budget.level`) is spent over its looks: the first n of a day, n being a
 * quarter more than yesterday's, share nine tenths evenly, later ones the rest (`weightOf`). So the expected number of false incidents
 * of a state and a day is at most its level, however often it speaks. Nothing is ranked again, and of a look that is not suspicious
 * nothing is kept but the count: 100,000 series cost a number each.
 */
export class LookDecisions {
  readonly #with: Surroundings
  /** By detector and population, least recently seen first. */
  readonly #watched = new Map<string, Looks>()

  constructor(surroundings: Surroundings) {
    this.#with = surroundings
  }

  process(definition: DetectorDefinition, observation: Observation): Alert[] {
    const { pValue, population, time } = observation
    const { budget, handlings, incidents, hasEffect } = this.#with
    const watch = `${definition.name}\u0000${population}`
    const looks = this.#looksOf(watch, time)
    looks.armed = pValue !== null
    const share = weightOf(looks.count++, looks.plan) * handlings.bar(observation)
    const level = budget.level(definition.category, watch, time, observation.run, mostOfDay) * share
    if (pValue === null || pValue > hysteresis * level) return []
    const matter = matterOf(observation)
    const isOpen = incidents.of(matter) !== null
    if (!isOpen && (pValue > level || !hasEffect(observation.category, definition, observation.score))) return []
    const standing = this.#standing(definition, observation, pValue, level, looks.since)
    return isOpen ? incidents.grow(matter, standing, time) : incidents.open(matter, standing, time)
  }

  status(): LookStatus[] {
    const byDetector = new Map<string, { detector: string; states: number; armed: number }>()
    for (const [watch, { armed }] of this.#watched) {
      const detector = watch.slice(0, watch.indexOf('\u0000'))
      const counted = byDetector.get(detector) ?? { detector, states: 0, armed: 0 }
      byDetector.set(detector, counted)
      counted.states++
      if (armed) counted.armed++
    }
    return [...byDetector.values()]
  }

  encode(writer: ByteWriter): void {
    writer.u32(this.#watched.size)
    for (const [watch, { day, count, plan, since, armed }] of this.#watched)
      writer
        .text(watch)
        .f64(day)
        .f64(count)
        .f64(plan)
        .f64(since)
        .u8(armed ? 1 : 0)
  }

  decode(reader: ByteReader): void {
    this.#watched.clear()
    for (let left = reader.u32(); left > 0; left--) {
      const watch = reader.text()
      const day = reader.f64()
      const count = reader.f64()
      const plan = reader.f64()
      const since = reader.f64()
      this.#watched.set(watch, { day, count, plan, since, armed: reader.u8() === 1 })
    }
  }

  #looksOf(watch: string, time: number): Looks {
    const day = Math.floor(time / dayMicros)
    let looks = this.#watched.get(watch)
    if (looks === undefined) {
      if (this.#watched.size >= mostWatched) this.#watched.delete(this.#watched.keys().next().value as string)
      looks = { day, count: 0, plan: firstPlan, since: time, armed: false }
      this.#watched.set(watch, looks)
    } else if (day > looks.day) {
      looks.plan = Math.max(smallestPlan, Math.ceil(1.25 * looks.count))
      looks.count = 0
      looks.day = day
    }
    return looks
  }

  #standing(definition: DetectorDefinition, observation: Observation, pValue: number, level: number, since: number): Standing {
    const { category: _, ...rest } = observation
    const detail = {
      ...rest,
      detector: definition,
      pValue,
      threshold: null,
      ranked: false,
      others: 0,
      since,
      median: null,
      high: null,
      frozen: false,
    }
    const { traceId, ref: spanId, time } = observation
    const calls = traceId === null ? [] : [{ traceId, spanId, time, detector: definition.name, pValue }]
    const { firstSeen, lastSeen, samplingRatio } = observation
    return {
      detector: definition.name,
      detectors: [definition.name],
      title: definition.title,
      score: observation.score,
      threshold: null,
      pValue,
      effect: Math.exp(observation.score - definition.effectFloor),
      members: observation.members,
      model: observation.model,
      service: observation.service === '' ? null : observation.service,
      environment: observation.environment === '' ? null : observation.environment,
      run: observation.run,
      firstSeen: observation.firstSeen,
      lastSeen: observation.lastSeen,
      events: observation.events,
      ...(observation.quietMicros === undefined ? {} : { quietMicros: observation.quietMicros }),
      evidence: evidenceOf([detail], calls, {
        perDay: this.#with.budget.perDay,
        configuration: this.#with.configuration,
        level,
        time,
        firstSeen,
        lastSeen,
        ofCalls: traceId !== null,
        samplingRatio,
      }),
    }
  }
}
