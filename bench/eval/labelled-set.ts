import { existsSync, readFileSync } from 'node:fs'
import { configSchema } from '../../src/config/schema.ts'
import { createDecisions } from '../../src/decisions/decide.ts'
import type { DetectorDefinition } from '../../src/detection/contract.ts'
import { createDetection } from '../../src/detection/detect.ts'
import { hash32 } from '../../src/sketches/random.ts'
import { filesSource } from '../../src/sources/files.ts'
import { createIngest } from '../../src/stages/ingest.ts'
import { openMapper } from '../../src/stages/mapper.ts'
import type { Event } from '../../src/telemetry/events.ts'
import { type Alarm, type Judgement, judge, type Truth } from './judge.ts'

const data = `${import.meta.dirname}/../../../shared/data`

/** The events of a set, decoded once, with its truth. */
export interface LabelledSet {
  readonly name: string
  readonly events: readonly Event[]
  readonly truth: Truth
}

/** Null where the optional data folder has no such set. */
export async function loadSet(path: string): Promise<LabelledSet | null> {
  const file = `${data}/${path}.traces.jsonl.gz`
  if (!existsSync(file)) return null
  const config = configSchema.parse({ identity: { hash: false } })
  const ingest = createIngest(config, await openMapper(config), null)
  const source = filesSource([file], { maxRecordBytes: config.ingest.maxRecordBytes })
  const events: Event[] = []
  await source.start(async (batch) => {
    for (const record of batch.records) events.push(...ingest.record(batch, record).events)
  })
  await source.ended
  await source.stop()
  events.push(...ingest.finish().events)
  const truth = JSON.parse(readFileSync(`${data}/${path}.truth.json`, 'utf8')) as Truth
  return { name: path.slice(path.lastIndexOf('/') + 1), events, truth }
}

/** The same set with other names for its accounts. Whatever hangs on an id (order of hashes, ties) comes out otherwise. */
export function renamed({ name, events, truth }: LabelledSet, seed: number): LabelledSet {
  const nameOf = (id: string): string => `u-${hash32(`${seed}/${id}`).toString(16).padStart(8, '0')}${hash32(`${id}/${seed}`).toString(16)}`
  return {
    name,
    events: events.map((event) =>
      event.kind === 'call' && event.principal !== null
        ? { ...event, principal: { ...event.principal, id: nameOf(event.principal.id) } }
        : event,
    ),
    truth: {
      ...truth,
      attacks: truth.attacks.map((attack) => ({ ...attack, subjects: attack.subjects.map(({ kind, id }) => ({ kind, id: nameOf(id) })) })),
      benignNotable: (truth.benignNotable ?? []).map((one) => ({ ...one, id: nameOf(one.id) })),
    },
  }
}

/** Detect and decide stage over the events, judged against the truth. */
export function judged(set: LabelledSet, options: { seed: number; detectors: readonly DetectorDefinition[] }): Judgement {
  const detection = createDetection({ seed: options.seed, detectors: options.detectors })
  const decisions = createDecisions({
    falseIncidentsPerDay: configSchema.parse({}).decisions.falseIncidentsPerDay,
    detectors: options.detectors,
  })
  const alarms: Alarm[] = []
  for (const event of set.events) {
    for (const observation of detection.process(event)) alarms.push(...decisions.process(observation).alerts)
    alarms.push(...decisions.advance(event.time))
  }
  return judge(set.truth, set.events, alarms)
}
