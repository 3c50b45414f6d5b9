import { TidewatchError } from '../errors.ts'
import { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import type { Event, EventKind, Subject } from '../telemetry/events.ts'
import { Appointments } from './appointments.ts'
import type { Detector, DetectorDefinition, Finding, Keyed } from './contract.ts'
import type { Observation } from './observation.ts'
import { enabledDetectors } from './registry.ts'
import { leadOf, routeOf } from './route.ts'
import { SharedTexts } from './shared-text.ts'

export interface DetectionOptions {
  /** Seed of all random projections; another seed makes other sketches. */
  readonly seed: string | number
  /** Names of detectors that are switched off. Throws TW_DETECTOR_UNKNOWN for others. */
  readonly disabled?: readonly string[]
  /** Only for tests: another list of detectors. */
  readonly detectors?: readonly DetectorDefinition[]
}

/** The detect stage: keyed state, changed by each event in log order. A pure function of the events it was given. */
export interface Detection {
  /**
   * Gives the event to every detector that consumes it. Few events make a subject speak. With `routes`, only states that live on one of them
   * see it: the event was sent to other partitions for the rest.
   */
  process(event: Event, routes?: readonly string[]): Observation[]
  /**
   * Event time has come to `time` (microseconds), also where no event came: states that wanted to be asked when nothing comes are asked.
   */
  advance(time: number): Observation[]
  /** States held and subjects that made room, by detector. */
  statistics(): Record<string, { readonly subjects: number; readonly evicted: number }>
  /** All state as bytes; `restore` on a new stage with the same options goes on as if nothing had happened. */
  snapshot(): Uint8Array
  /** Throws TW_STATE_MISMATCH for bytes of another seed, another version or another set of detectors. */
  restore(bytes: Uint8Array): void
}

interface Held {
  readonly subject: Subject
  readonly state: unknown
  firstSeen: number
  lastSeen: number
  /** Where the subject's events come from; null for detectors that ask for nothing when no event comes. */
  readonly from: { readonly service: string; readonly environment: string; readonly metric: string | null } | null
  readonly late: Lateness
}

/** How late a subject's events came behind the log's time, microseconds: the most of a day and of the day before. */
interface Lateness {
  day: number
  today: number
  before: number
}

interface Running {
  readonly definition: DetectorDefinition
  /** It is only heard by other detectors. */
  readonly silent: boolean
  /** What it found in the present event, of its last subject. */
  found: Finding | null
  readonly detector: Detector<unknown>
  /** Least recently used first. */
  readonly held: Map<string, Held>
  readonly appointments: Appointments
  evicted: number
}

const snapshotFormat = 2
const dayMicros = 86_400e6

export function createDetection(options: DetectionOptions): Detection {
  const said = options.detectors ?? enabledDetectors(options.disabled)
  const running: Running[] = withHeard(said).map((definition) => ({
    definition,
    silent: !said.includes(definition),
    detector: definition.build(`${options.seed}/${definition.name}`),
    found: null,
    held: new Map(),
    appointments: new Appointments(),
    evicted: 0,
  }))
  const byName = new Map(running.map((one) => [one.definition.name, one]))
  const byKind = new Map<EventKind, Running[]>()
  for (const one of running) {
    for (const kind of one.definition.consumes) byKind.set(kind, [...(byKind.get(kind) ?? []), one])
  }

  let clock = Number.NEGATIVE_INFINITY

  return {
    process(event, routes) {
      const observations: Observation[] = []
      const isHere = (key: Keyed) => routes === undefined || routes.includes(routeOf(key))
      for (const one of byKind.get(event.kind) ?? []) {
        one.found = null
        const { hears } = one.definition
        // Who hears another one lives where that one does.
        if (hears && routes && !byName.get(leadOf(hears).name)!.detector.subjects(event).some(isHere)) continue
        const heard = hears?.consumes.includes(event.kind) ? byName.get(hears.name)!.found : null
        for (const key of one.detector.subjects(event)) if (hears || isHere(key)) step(one, key, event, heard, clock, observations)
      }
      return observations
    },

    advance(time) {
      if (!(time > clock)) return []
      clock = time
      const observations: Observation[] = []
      for (const one of running) if (one.detector.quiet !== undefined) ask(one, time, observations)
      return observations
    },

    statistics() {
      return Object.fromEntries(running.map((one) => [one.definition.name, { subjects: one.held.size, evicted: one.evicted }]))
    },

    snapshot() {
      const writer = new ByteWriter(1024).u8(snapshotFormat).text(String(options.seed)).f64(clock).u16(running.length)
      const shared = new SharedTexts()
      for (const { definition, detector, held, evicted, appointments } of running) {
        const { come, slotOf } = appointments.kept
        writer.text(definition.name).u16(definition.version).f64(evicted).f64(come).u32(held.size)
        for (const [key, one] of held) {
          const { kind, id } = one.subject
          shared.write(writer, kind)
          shared.write(writer, key.slice(0, -id.length - 1))
          writer.text(id).f64(one.firstSeen).f64(one.lastSeen).block(detector.encode(one.state))
          if (one.from === null) continue
          writer
            .text(one.from.service)
            .text(one.from.environment)
            .text(one.from.metric ?? '')
            .f64(one.late.day)
            .f64(one.late.today)
            .f64(one.late.before)
            .f64(slotOf(key))
        }
      }
      return writer.finish()
    },

    restore(bytes) {
      const reader = new ByteReader(bytes)
      const shared = new SharedTexts()
      if (reader.u8() !== snapshotFormat) throw new TidewatchError('TW_STATE_MISMATCH', 'another format')
      if (reader.text() !== String(options.seed)) throw new TidewatchError('TW_STATE_MISMATCH', 'another seed')
      clock = reader.f64()
      if (reader.u16() !== running.length) throw new TidewatchError('TW_STATE_MISMATCH', 'another set of detectors')
      for (const one of running) {
        const name = reader.text()
        const version = reader.u16()
        if (name !== one.definition.name || version !== one.definition.version) {
          throw new TidewatchError(
            'TW_STATE_MISMATCH',
            `${name} version ${version} where ${one.definition.name} version ${one.definition.version} runs`,
          )
        }
        one.evicted = reader.f64()
        const come = reader.f64()
        const slots: [string, number][] = []
        one.held.clear()
        for (let left = reader.u32(); left > 0; left--) {
          const kind = shared.read(reader)
          const population = shared.read(reader)
          const subject = { kind, id: reader.text() } as Subject
          const key = keyOf(population, subject.id)
          const firstSeen = reader.f64()
          const lastSeen = reader.f64()
          const state = one.detector.decode(reader.block())
          const silent = one.detector.quiet !== undefined
          const from = silent ? { service: reader.text(), environment: reader.text(), metric: reader.text() || null } : null
          const late = silent
            ? { day: reader.f64(), today: reader.f64(), before: reader.f64() }
            : { day: Number.NEGATIVE_INFINITY, today: 0, before: 0 }
          if (silent) slots.push([key, reader.f64()])
          one.held.set(key, { subject, firstSeen, lastSeen, state, from, late })
        }
        one.appointments.restore(come, slots)
      }
    },
  }
}

function keyOf(population: string, id: string): string {
  return `${population}\u0000${id}`
}

/** Every detector, behind the one that it hears. */
function withHeard(definitions: readonly DetectorDefinition[]): readonly DetectorDefinition[] {
  const all = new Set<DetectorDefinition>()
  for (const definition of definitions) {
    if (definition.hears !== undefined) all.add(definition.hears)
    all.add(definition)
  }
  return [...all]
}

function step(one: Running, key: Keyed, event: Event, heard: Finding | null, clock: number, observations: Observation[]): void {
  const { definition, detector, held, appointments } = one
  const name = keyOf(key.population, key.subject.id)
  let mine = held.get(name)
  if (mine === undefined) {
    if (held.size >= definition.maxSubjects) {
      held.delete(held.keys().next().value as string)
      one.evicted++
    }
    mine = {
      subject: key.subject,
      state: detector.create(),
      firstSeen: event.time,
      lastSeen: event.time,
      from: detector.quiet === undefined ? null : { service: event.service, environment: event.environment, metric: metricOf(event) },
      late: { day: Number.NEGATIVE_INFINITY, today: 0, before: 0 },
    }
  } else {
    held.delete(name)
  }
  held.set(name, mine)
  if (event.time < mine.firstSeen) mine.firstSeen = event.time
  if (event.time > mine.lastSeen) mine.lastSeen = event.time
  const found = detector.update(mine.state, event, heard)
  one.found = found
  if (detector.quiet !== undefined) {
    note(mine.late, event.time, clock - event.time)
    appointments.make(name, detector.quiet.due(mine.state) + mostLate(mine.late))
  }
  if (found === null || one.silent) return
  for (const finding of [found, ...(found.also ?? none)]) observations.push(observationOf(definition, key, event, finding, mine))
}

/** An event at `time` came `by` microseconds behind the log's time. */
function note(late: Lateness, time: number, by: number): void {
  const day = Math.floor(time / dayMicros)
  if (day > late.day) {
    late.before = late.today
    late.today = 0
    late.day = day
  }
  late.today = Math.max(late.today, by)
}

function mostLate({ today, before }: Lateness): number {
  return Math.max(today, before)
}

/** Asks the states whose appointment has come, when also what is as late as their events usually are would be here. */
function ask({ definition, detector, held, appointments }: Running, time: number, observations: Observation[]): void {
  const quiet = detector.quiet!
  for (const name of appointments.come(time)) {
    const mine = held.get(name)
    if (mine === undefined) continue
    const late = mostLate(mine.late)
    const found = quiet.due(mine.state) + late <= time ? quiet.ask(mine.state, time - late) : null
    appointments.make(name, quiet.due(mine.state) + late)
    if (found === null) continue
    observations.push({
      time,
      detector: definition.name,
      category: found.category ?? definition.category,
      subject: mine.subject,
      members: [],
      population: name.slice(0, -1 - mine.subject.id.length),
      model: null,
      ...mine.from!,
      run: null,
      score: found.score,
      pValue: found.pValue,
      ref: timeOf(mine.lastSeen),
      traceId: null,
      events: found.events,
      firstSeen: mine.firstSeen,
      lastSeen: mine.lastSeen,
      samplingRatio: null,
      evidence: found.evidence,
      ...(found.quietMicros === undefined ? {} : { quietMicros: found.quietMicros }),
      sketch: null,
    })
  }
}

function observationOf(definition: DetectorDefinition, key: Keyed, event: Event, finding: Finding, held: Held): Observation {
  return {
    time: event.time,
    detector: definition.name,
    category: finding.category ?? definition.category,
    subject: finding.about?.subject ?? key.subject,
    members: finding.about?.members ?? [],
    population: key.population,
    model: event.kind === 'call' ? event.model.name : null,
    service: event.service,
    environment: event.environment,
    // A call of a run's model that the run's state sees belongs to what is known of the run.
    run:
      key.subject.kind === 'run' ? key.subject.id : event.kind === 'trainingSample' || event.kind === 'trainingUpdate' ? event.run : null,
    score: finding.score,
    pValue: finding.pValue,
    ref: referenceOf(event),
    traceId: event.kind === 'call' || event.kind === 'toolCall' ? event.traceId : null,
    metric: metricOf(event),
    events: finding.events,
    firstSeen: finding.about?.firstSeen ?? held.firstSeen,
    lastSeen: finding.about?.lastSeen ?? held.lastSeen,
    samplingRatio: event.kind === 'call' ? event.samplingRatio : null,
    evidence: finding.evidence,
    ...(finding.quietMicros === undefined ? {} : { quietMicros: finding.quietMicros }),
    sketch: finding.sketch,
  }
}

const none: readonly Finding[] = []

function referenceOf(event: Event): string {
  switch (event.kind) {
    case 'call':
    case 'toolCall':
      return event.spanId
    case 'trainingSample':
      return event.sample ?? ''
    case 'trainingUpdate':
      return event.client
    case 'metricPoint':
      return timeOf(event.time)
  }
}

function metricOf(event: Event): string | null {
  return event.kind === 'metricPoint' ? event.metric : null
}

function timeOf(micros: number): string {
  return new Date(micros / 1000).toISOString()
}
