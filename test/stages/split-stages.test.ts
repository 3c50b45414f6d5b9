import { afterEach, expect, it, vi } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { encodeRecord } from '../../src/routing/record.ts'
import { Seen } from '../../src/routing/seen.ts'
import { createRandom } from '../../src/sketches/random.ts'
import type { SourceRecord } from '../../src/sources/source.ts'
import { DecideStage } from '../../src/stages/decide-stage.ts'
import { DetectStage } from '../../src/stages/detect-stage.ts'
import { IngestStage } from '../../src/stages/ingest-stage.ts'
import { OutcomeBuilder } from '../../src/stages/outcome.ts'
import type { Stage } from '../../src/stages/stage.ts'
import { Stages } from '../../src/stages/stages.ts'
import { keyedHash } from '../../src/telemetry/hasher.ts'
import { createMapper } from '../../src/telemetry/map.ts'
import { mixedLog } from '../support/mixed-log.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

const config = configSchema.parse({})
const mapper = () => createMapper(config, keyedHash(Buffer.alloc(32, 7)))
const log = mixedLog().map(({ receivedAt, ...record }, offset): SourceRecord => ({ ...record, offset, timestamp: receivedAt }))

interface Plan {
  readonly sources: number
  readonly events: number
  /** Chance, at every record of any log, that the member which reads it dies: its state is restored and what it sent last is sent again. */
  readonly crashes?: number
}

/** One stage over one partition, in a member that may die. What it keeps is what `Pipeline` keeps: state as of a stored record. */
class Member {
  private readonly create: () => Stage
  private readonly place: { readonly topic: string; readonly partition: number }
  private stage: Stage
  private saved: Uint8Array | null = null
  /** Taken in since the state was saved. */
  private since: SourceRecord[] = []
  readonly outcome = new OutcomeBuilder()

  constructor(topic: string, partition: number, create: () => Stage) {
    this.place = { topic, partition }
    this.create = create
    this.stage = create()
  }

  /** What a record causes is sent on; a crash sends what came since the last save once more. */
  take(record: SourceRecord, crash: boolean, save: boolean, send: (outcome: OutcomeBuilder) => void): void {
    const batch = { ...this.place, epoch: 'e', first: record.offset, last: record.offset, records: [record] }
    if (crash) {
      this.stage = this.create()
      if (this.saved) this.stage.restore(this.saved)
      const again = new OutcomeBuilder()
      for (const each of this.since) this.stage.apply(batch, each, again)
      send(again)
    }
    const mine = new OutcomeBuilder()
    this.stage.apply(batch, record, mine)
    send(mine)
    for (const key of ['events', 'observations', 'alerts', 'deadLetters'] as const) (this.outcome[key] as unknown[]).push(...mine[key])
    this.since.push(record)
    if (save) {
      this.saved = this.stage.snapshot()
      this.since = []
    }
  }
}

/** The whole way over topics of their own, one record after the other. */
function run({ sources, events, crashes = 0 }: Plan): OutcomeBuilder {
  const random = createRandom('split')
  const chance = (share: number) => random.uniform() < share
  const actors = (topic: string, count: number, create: () => Stage) =>
    Array.from({ length: count }, (_, partition) => ({ member: new Member(topic, partition, create), next: 0 }))
  const ingest = actors('otlp_spans', sources, () => new IngestStage(config, mapper(), null, events))
  const detect = actors('tidewatch.events', events, () => new DetectStage(config))
  const decide = actors('tidewatch.observations', 1, () => new DecideStage(config, null))
  const forward =
    (behind: typeof detect, timestamp: number, further: (outcome: OutcomeBuilder, timestamp: number) => void) =>
    (outcome: OutcomeBuilder): void => {
      for (const { partition, record } of outcome.outgoing) {
        const actor = behind[partition]!
        const value = encodeRecord(record)
        const sent: SourceRecord = { offset: actor.next++, timestamp, signal: null, headers: {}, value }
        actor.member.take(sent, chance(crashes), chance(crashes), (caused) => further(caused, timestamp))
      }
    }
  for (const record of log) {
    // Ticks are for every partition, calls of one trace stay together.
    const taking = record.value.length === 0 ? ingest : [ingest[record.offset % 2 === 0 ? 0 : sources - 1]!]
    for (const { member } of taking) {
      member.take(
        record,
        chance(crashes),
        chance(0.05),
        forward(detect, record.timestamp, (caused, timestamp) => forward(decide, timestamp, () => {})(caused)),
      )
    }
  }
  const whole = new OutcomeBuilder()
  for (const { member } of [...ingest, ...detect, ...decide])
    for (const key of ['events', 'observations', 'alerts', 'deadLetters'] as const) (whole[key] as unknown[]).push(...member.outcome[key])
  return whole
}

const runs = new Map<string, OutcomeBuilder>()

/** The run in which nobody dies, once. */
function calm(plan: Plan): OutcomeBuilder {
  const key = JSON.stringify(plan)
  if (!runs.has(key)) runs.set(key, run(plan))
  return runs.get(key)!
}

const about = (alerts: readonly Alert[]) =>
  [...new Set(alerts.map(({ category, status, subject }) => `${category} ${status} ${subject.kind} ${subject.id}`))].sort()
const bytes = ({ alerts, observations }: OutcomeBuilder) =>
  JSON.stringify([alerts, observations.map(({ sketch, ...rest }) => [rest, sketch && Buffer.from(sketch).toString('hex')])])

it('over one partition each, the stages say what they say as plain calls', () => {
  const plain = new OutcomeBuilder()
  const stages = new Stages(config, mapper())
  const batch = { topic: 'otlp_spans', epoch: 'e', partition: 0, first: 0, last: log.length - 1, records: log }
  for (const record of log) stages.apply(batch, record, plain)
  const split = calm({ sources: 1, events: 1 })
  expect(plain.alerts.length).toBeGreaterThan(1)
  expect(about(split.alerts)).toEqual(about(plain.alerts))
  expect(split.events).toEqual(plain.events)
  expect(split.deadLetters).toEqual(plain.deadLetters)
  expect(split.observations.length).toBe(plain.observations.length)
})

it('1, 4 and 12 partitions give the same incidents about the same subjects', () => {
  const one = about(calm({ sources: 1, events: 1 }).alerts)
  expect(one.length).toBeGreaterThan(1)
  for (const events of [4, 12]) expect(about(calm({ sources: 1, events }).alerts)).toEqual(one)
})

it.each([
  { sources: 1, events: 4 },
  { sources: 3, events: 12 },
])('members that die anywhere and send again change no byte ($sources and $events partitions)', (plan) => {
  expect(calm(plan).alerts.length).toBeGreaterThan(1)
  expect(bytes(run({ ...plan, crashes: 0.004 }))).toBe(bytes(calm(plan)))
})

it('that a receiver drops what it has had is needed', () => {
  const plan = { sources: 1, events: 4 }
  const undisturbed = bytes(calm(plan))
  vi.spyOn(Seen.prototype, 'take').mockReturnValue(true)
  expect(bytes(run({ ...plan, crashes: 0.004 }))).not.toBe(undisturbed)
})

it('a record of another version, or of somebody else, is a dead letter of its stage', () => {
  const value = new Uint8Array([99, 1, 2])
  const record: SourceRecord = { offset: 7, timestamp: 5, signal: null, headers: {}, value }
  const time = encodeRecord({ type: 'time', origin: { topic: 't', epoch: 'e', partition: 0 }, watermark: 1 })
  for (const [topic, stage] of [
    ['tidewatch.events', new DetectStage(config)],
    ['tidewatch.observations', new DecideStage(config, null)],
  ] as const) {
    const outcome = new OutcomeBuilder()
    const batch = { topic, epoch: 'e', partition: 0, first: 7, last: 7, records: [record] }
    expect(stage.apply(batch, record, outcome)).toBe(true)
    expect(outcome.deadLetters).toMatchObject([{ topic, offset: 7, code: 'TW_RECORD_UNREADABLE', size: 3 }])
    expect(stage.apply(batch, { ...record, value: time }, outcome)).toBe(false)
    expect(stage.watermark).toBe(1)
  }
})
