import { TidewatchError } from '../errors.ts'
import { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import type { Event, EventKind, Subject } from '../telemetry/events.ts'
import type { Detector, DetectorDefinition, Finding, Keyed } from './contract.ts'
import type { Observation } from './observation.ts'
import { enabledDetectors } from './registry.ts'
import { leadOf, routeOf } from './route.ts'

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
  evicted: number
}

const snapshotFormat = 1

export function createDetection(options: DetectionOptions): Detection {
  const said = options.detectors ?? enabledDetectors(options.disabled)
  const running: Running[] = withHeard(said).map((definition) => ({
    definition,
    silent: !said.includes(definition),
    detector: definition.build(`${options.seed}/${definition.name}`),
    found: null,
    held: new Map(),
    evicted: 0,
  }))
  const byName = new Map(running.map((one) => [one.definition.name, one]))
  const byKind = new Map<EventKind, Running[]>()
  for (const one of running) {
    for (const kind of one.definition.consumes) byKind.set(kind, [...(byKind.get(kind) ?? []), one])
  }

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
        for (const key of one.detector.subjects(event)) if (hears || isHere(key)) step(one, key, event, heard, observations)
      }
      return observations
    },

    statistics() {
      return Object.fromEntries(running.map((one) => [one.definition.name, { subjects: one.held.size, evicted: one.evicted }]))
    },

    snapshot() {
      const writer = new ByteWriter(1024).u8(snapshotFormat).text(String(options.seed)).u16(running.length)
      for (const { definition, detector, held, evicted } of running) {
        writer.text(definition.name).u16(definition.version).f64(evicted).u32(held.size)
        for (const [key, one] of held) {
          writer
            .text(key)
            .text(one.subject.kind)
            .text(one.subject.id)
            .f64(one.firstSeen)
            .f64(one.lastSeen)
            .block(detector.encode(one.state))
        }
      }
      return writer.finish()
    },

    restore(bytes) {
      const reader = new ByteReader(bytes)
      if (reader.u8() !== snapshotFormat) throw new TidewatchError('TW_STATE_MISMATCH', 'another format')
      if (reader.text() !== String(options.seed)) throw new TidewatchError('TW_STATE_MISMATCH', 'another seed')
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
        one.held.clear()
        for (let left = reader.u32(); left > 0; left--) {
          const key = reader.text()
          const subject = { kind: reader.text(), id: reader.text() } as Subject
          const firstSeen = reader.f64()
          const lastSeen = reader.f64()
          one.held.set(key, { subject, firstSeen, lastSeen, state: one.detector.decode(reader.block()) })
        }
      }
    },
  }
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

function step(one: Running, key: Keyed, event: Event, heard: Finding | null, observations: Observation[]): void {
  const { definition, detector, held } = one
  const name = `${key.population}\u0000${key.subject.id}`
  let mine = held.get(name)
  if (mine === undefined) {
    if (held.size >= definition.maxSubjects) {
      held.delete(held.keys().next().value as string)
      one.evicted++
    }
    mine = { subject: key.subject, state: detector.create(), firstSeen: event.time, lastSeen: event.time }
  } else {
    held.delete(name)
  }
  held.set(name, mine)
  if (event.time < mine.firstSeen) mine.firstSeen = event.time
  if (event.time > mine.lastSeen) mine.lastSeen = event.time
  const found = detector.update(mine.state, event, heard)
  one.found = found
  if (found === null || one.silent) return
  for (const finding of [found, ...(found.also ?? none)]) observations.push(observationOf(definition, key, event, finding, mine))
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
    run: key.subject.kind === 'run' ? key.subject.id : event.kind === 'trainingSample' || event.kind === 'trainingUpdate' ? event.run : null,
    score: finding.score,
    pValue: finding.pValue,
    ref: referenceOf(event),
    traceId: event.kind === 'call' || event.kind === 'toolCall' ? event.traceId : null,
    metric: event.kind === 'metricPoint' ? event.metric : null,
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
      return new Date(event.time / 1000).toISOString()
  }
}
