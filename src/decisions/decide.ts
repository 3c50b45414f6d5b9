import { deserialize, serialize } from 'node:v8'
import type { DetectorDefinition } from '../detection/contract.ts'
import type { Observation } from '../detection/observation.ts'
import { detectors as registered } from '../detection/registry.ts'
import { TidewatchError } from '../errors.ts'
import { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import type { Category, Subject } from '../telemetry/events.ts'
import type { Action, ExpectAction, ReferenceAction } from './action.ts'
import type { Alert } from './alert.ts'
import { Budget, type Ledger } from './budget.ts'
import { Comparisons, type PopulationStatus } from './comparisons.ts'
import { effectTest } from './effect.ts'
import { type Detail, evidenceOf, strongest } from './evidence.ts'
import { Expectations } from './expectations.ts'
import { combine } from './fusion.ts'
import { Handlings, type HandlingsState } from './handlings.ts'
import { Incidents, type IncidentsState } from './incidents.ts'
import { LookDecisions, type LookStatus } from './looks.ts'
import { type Matter, matterOf } from './matter.ts'
import { named, type Standing } from './standing.ts'
import { restoreSuspect, type Suspect, type SuspectState, suspectState } from './suspect.ts'

export interface DecisionOptions {
  /** Expected false incidents a day that the user accepts over all detectors together. */
  readonly falseIncidentsPerDay: number
  /** How the categories share it, in relation to each other; absent: `categoryWeights`. */
  readonly weights?: Readonly<Record<Category, number>>
  /** How many times its detectors' own smallest effect an incident of a category must show; absent: once. */
  readonly leastEffect?: Readonly<Partial<Record<Category, number>>>
  /** Hash of the configuration, which alerts carry. */
  readonly configuration?: string
  /** Only for tests: another list of detectors. */
  readonly detectors?: readonly DetectorDefinition[]
}

/** An observation with its final score and p-value (null in warm-up), as `--scores` writes it. */
export interface Verdict {
  readonly score: number
  readonly pValue: number | null
  readonly alerts: readonly Alert[]
}

/** The one budget, and what of it the tests of the present day have taken: a bound on the false incidents that they are expected to open. */
export interface BudgetStatus {
  readonly perDay: number
  /** Day of event time, microseconds; null before the first one. */
  readonly day: number | null
  readonly spent: Readonly<Partial<Record<Category, number>>>
}

/** The decide stage: observations in one order become p-values, decisions under the one budget, and incidents. */
export interface Decisions {
  process(observation: Observation): Verdict
  /** Event time has come to `time` (microseconds): incidents that are quiet are resolved. */
  advance(time: number): Alert[]
  /** Takes up what a person did about an incident; gives the change of the incident that it is. */
  act(action: Action): Alert[]
  /** Every population that was seen, and whether it is armed. */
  status(): PopulationStatus[]
  /** The same of detectors that judge every look by itself: their readiness is that of each single state. */
  looks(): LookStatus[]
  budget(): BudgetStatus
  /** What the tests took since the stage was made, over all days. */
  ledger(): Ledger
  /** Announced changes that are kept, oldest first. */
  expectations(): ExpectAction[]
  /** All state as bytes; `restore` on a new stage with the same detectors goes on as if nothing had happened. */
  snapshot(): Uint8Array
  /** Throws TW_STATE_MISMATCH for bytes of another format or another set of detectors. */
  restore(bytes: Uint8Array): void
}

const dayMicros = 86_400e6
/** An open incident stays alive while the fused p-value is within this factor of the level that opened it. */
const hysteresis = 10
/** Calls of looks with a greater p-value say nothing. */
const tellingCall = 0.1
/** Bound on memory; the suspect that was silent longest makes room. */
const mostSuspects = 200_000
const snapshotFormat = 9

export function createDecisions(options: DecisionOptions): Decisions {
  const definitions = new Map((options.detectors ?? registered).map((definition) => [definition.name, definition]))
  const fingerprint = [...definitions.values()].map(({ name, version }) => `${name} ${version}`).join(', ')
  const budget = new Budget(options.falseIncidentsPerDay, options.weights)
  const hasEffect = effectTest(options.leastEffect)
  const configuration = options.configuration ?? null
  const handlings = new Handlings()
  const incidents = new Incidents()
  const looks = new LookDecisions({ budget, handlings, incidents, hasEffect, configuration })
  const expectations = new Expectations()
  const comparisons = new Comparisons(definitions)
  const suspects = new Map<string, Suspect>()
  let clock = Number.NEGATIVE_INFINITY

  const suspectOf = (observation: Observation): Suspect => {
    const key = `${observation.category}\u0000${observation.population}\u0000${observation.subject.kind}\u0000${observation.subject.id}`
    let suspect = suspects.get(key)
    if (suspect === undefined) {
      suspect = { key, day: -1, details: new Map(), calls: [], incident: null }
      if (suspects.size >= mostSuspects) suspects.delete(suspects.keys().next().value as string)
    } else {
      suspects.delete(key)
    }
    suspects.set(key, suspect)
    return suspect
  }

  const standingOf = (suspect: Suspect, observation: Observation, fused: number, level: number): Standing => {
    const ranked = [...suspect.details.values()].sort((a, b) => a.pValue - b.pValue || (a.detector.name < b.detector.name ? -1 : 1))
    const strong = ranked.filter((detail) => detail.pValue <= Math.max(level, ranked[0].pValue))
    const { detector, score, threshold } = ranked[0]
    const firstSeen = Math.min(...strong.map((detail) => detail.firstSeen))
    const lastSeen = Math.max(...ranked.map((detail) => detail.lastSeen))
    const { time, traceId, samplingRatio } = observation
    return {
      detector: detector.name,
      detectors: strong.map((detail) => detail.detector.name),
      title: detector.title,
      score,
      threshold,
      pValue: fused,
      effect: Math.exp(Math.max(...strong.map((detail) => detail.score - detail.detector.effectFloor))),
      members: membersOf(observation.subject, strong),
      model: observation.model,
      service: observation.service === '' ? null : observation.service,
      environment: observation.environment === '' ? null : observation.environment,
      run: observation.run,
      firstSeen,
      lastSeen,
      events: Math.max(...ranked.map((detail) => detail.events)),
      evidence: evidenceOf(ranked, suspect.calls, {
        level,
        perDay: budget.perDay,
        configuration,
        time,
        firstSeen,
        lastSeen,
        ofCalls: traceId !== null,
        samplingRatio,
      }),
    }
  }

  const decide = (suspect: Suspect, matter: Matter, observation: Observation, level: number): Alert[] => {
    const { category, population, subject, time } = observation
    const details = [...suspect.details.values()]
    const fused = combine(
      details.map(({ pValue, detector }) => ({ pValue, weight: detector.weight })),
      comparisons.armed(category, population, time),
    )
    if (incidents.of(matter) !== null) {
      return fused > hysteresis * level ? [] : incidents.grow(matter, standingOf(suspect, observation, fused, level), time)
    }
    if (fused > level || !details.some((detail) => hasEffect(category, detail.detector, detail.score) && detail.pValue <= 2 * level))
      return []
    // An attacker must not become the norm for the next one.
    comparisons.forget(category, population, subject.id)
    return incidents.open(matter, standingOf(suspect, observation, fused, level), time)
  }

  const advance = (time: number): Alert[] => {
    if (time <= clock) return []
    clock = time
    return incidents.advance(time)
  }

  const judge = (observation: Observation): Verdict => {
    const alerts = advance(observation.time)
    const definition = definitions.get(observation.detector)
    if (definition === undefined) return { score: observation.score, pValue: observation.pValue, alerts }
    if (definition.perLook === true) {
      alerts.push(...looks.process(definition, observation))
      return { score: observation.score, pValue: observation.pValue, alerts }
    }
    const suspect = suspectOf(observation)
    const matter = matterOf(observation)
    const incident = incidents.of(matter)
    const day = Math.floor(observation.time / dayMicros)
    // What a training run shows of a subject is one test, however many days it lasts.
    if (incident === null && observation.run === null && day > suspect.day) clear(suspect)
    // What an incident that is over was about is told.
    if (suspect.incident !== null && suspect.incident !== incident) clear(suspect)
    suspect.incident = incident
    suspect.day = Math.max(suspect.day, day)

    // Warm-up days count too: they say how many subjects to plan for.
    budget.hear(observation.category, suspect.key, observation.time, observation.run)
    // Warm-up runs from the first word of a population, whether or not its reference could score it yet.
    const comparison = comparisons.of(definition.name, observation.population, observation.time)
    const { scores } = comparison
    const learns = comparison.learns && expectations.covering(observation, observation.time) === null
    const referred = comparisons.score(definition, comparison, observation, learns && handlings.teaches(observation, incident !== null))
    if (referred.score === null) return { score: observation.score, pValue: null, alerts }
    const { score, evidence } = referred
    if (observation.pValue !== null) scores.exact = true
    const isArmed = scores.lacks(observation.time) === null
    let pValue = observation.pValue
    // A detector with a null of its own is in warm-up while it gives no p-value.
    if (isArmed && (pValue !== null || !scores.exact)) {
      const { id } = observation.subject
      const tail = pValue === null ? scores.tailWithout(id, definition.leastSpread, comparisons.othersOf(comparison, id)) : null
      pValue ??= tail!.pValue(score)
      remember(suspect, observation, pValue)
      const level = budget.level(observation.category, suspect.key, observation.time, observation.run) * handlings.bar(observation)
      const previous = suspect.details.get(definition.name)
      if (previous === undefined || pValue <= previous.pValue) {
        suspect.details.set(definition.name, {
          detector: definition,
          score,
          pValue,
          threshold:
            tail?.scoreAt(
              (level * definition.weight) / comparisons.armed(observation.category, observation.population, observation.time),
            ) ?? null,
          evidence,
          events: observation.events,
          firstSeen: observation.firstSeen,
          lastSeen: observation.lastSeen,
          population: observation.population,
          members: observation.members,
          ranked: tail !== null,
          others: Math.max(0, scores.size - 1),
          since: scores.since,
          median: scores.quantile(0.5),
          high: scores.quantile(0.95),
          frozen: !comparison.learns,
        })
      } else {
        previous.events = observation.events
        previous.lastSeen = observation.lastSeen
      }
      alerts.push(...decide(suspect, matter, observation, level))
      suspect.incident = incidents.of(matter)
    }
    if (learns && handlings.teaches(observation, suspect.incident !== null)) scores.learn(observation.subject.id, score, observation.time)
    return { score, pValue, alerts }
  }

  return {
    process(observation) {
      const verdict = judge(observation)
      return verdict.alerts.length === 0 ? verdict : { ...verdict, alerts: expectations.note(handlings.note(verdict.alerts)) }
    },

    advance(time) {
      return expectations.note([...handlings.note(advance(time)), ...handlings.expire(time)])
    },

    act(action) {
      switch (action.kind) {
        case 'freeze':
        case 'thaw':
          comparisons.act(action)
          return []
        case 'expect':
          expectations.add(action)
          return []
        case 'withdraw':
          expectations.withdraw(action.expectation)
          return []
      }
      if (action.kind === 'feedback' && action.verdict === 'true') {
        const subject = handlings.subjectOf(action.incident)
        if (subject !== null && subject.kind !== 'fleet') comparisons.forgetEverywhere(subject.category, subject.id)
      }
      return expectations.note(handlings.act(action, clock))
    },

    status: () => comparisons.status(clock),
    looks: () => looks.status(),
    expectations: () => expectations.list(),

    budget: () => ({
      perDay: budget.perDay,
      day: Number.isFinite(clock) ? Math.floor(clock / dayMicros) * dayMicros : null,
      spent: budget.spentBy(),
    }),
    ledger: () => budget.ledger,

    snapshot() {
      const writer = new ByteWriter(4096).u8(snapshotFormat).text(fingerprint).f64(clock)
      budget.encode(writer)
      looks.encode(writer)
      comparisons.encode(writer)
      return writer
        .block(serialize([...suspects.values()].map(suspectState)))
        .block(serialize(incidents.state()))
        .block(serialize(handlings.state()))
        .block(serialize({ expectations: expectations.list(), frozen: comparisons.frozen() }))
        .finish()
    },

    restore(bytes) {
      const reader = new ByteReader(bytes)
      if (reader.u8() !== snapshotFormat) throw new TidewatchError('TW_STATE_MISMATCH', 'decisions of another format')
      if (reader.text() !== fingerprint) throw new TidewatchError('TW_STATE_MISMATCH', 'decisions about another set of detectors')
      clock = reader.f64()
      budget.decode(reader)
      looks.decode(reader)
      comparisons.decode(reader)
      suspects.clear()
      for (const state of deserialize(reader.block()) as SuspectState[]) suspects.set(state.key, restoreSuspect(state, definitions))
      incidents.restore(deserialize(reader.block()) as IncidentsState, clock)
      handlings.restore(deserialize(reader.block()) as HandlingsState)
      const said = deserialize(reader.block()) as { expectations: ExpectAction[]; frozen: [string, ReferenceAction][] }
      expectations.restore(said.expectations)
      comparisons.restoreFrozen(said.frozen)
    },
  }
}

function clear(suspect: Suspect): void {
  suspect.details.clear()
  suspect.calls = []
}

/** Keeps the call of an observation where it is among the suspect's most telling. A cluster's window is closed by anybody's call. */
function remember(suspect: Suspect, { traceId, ref: spanId, time, detector, subject }: Observation, pValue: number): void {
  if (traceId === null || subject.kind === 'cluster' || pValue > tellingCall) return
  suspect.calls = strongest([...suspect.calls, { traceId, spanId, time, detector, pValue }])
}

/** Each member that the strong details name, without the subject itself. */
function membersOf(subject: Subject, strong: readonly Detail[]): Subject[] {
  return named(strong.flatMap(({ members }) => members).filter(({ kind, id }) => kind !== subject.kind || id !== subject.id))
}
