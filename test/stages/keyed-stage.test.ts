import { expect, it } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { encodeRecord } from '../../src/routing/record.ts'
import { DecideStage } from '../../src/stages/decide-stage.ts'
import { KeyedStage } from '../../src/stages/keyed-stage.ts'
import { OutcomeBuilder } from '../../src/stages/outcome.ts'
import { Stages } from '../../src/stages/stages.ts'
import { keyedHash } from '../../src/telemetry/hasher.ts'
import { createMapper } from '../../src/telemetry/map.ts'
import { mixedLog } from '../support/mixed-log.ts'

const config = configSchema.parse({ kafka: { routing: false } })
const mapper = () => createMapper(config, keyedHash(Buffer.alloc(32, 7)))
const log = mixedLog().map(({ receivedAt, ...record }, offset) => ({ ...record, offset, timestamp: receivedAt }))

/** Ingest and detect in one over some partitions, decide behind them; every stage is saved and restored now and then. */
function run(partitions: number, partitionOf: (record: (typeof log)[number]) => number | null): OutcomeBuilder {
  const keyed = Array.from({ length: partitions }, () => new KeyedStage(config, mapper(), null))
  let decide = new DecideStage(config, null)
  const outcome = new OutcomeBuilder()
  let next = 0
  for (const record of log) {
    const only = partitionOf(record)
    for (const [partition, stage] of keyed.entries()) {
      if (only !== null && only !== partition) continue
      const caused = new OutcomeBuilder()
      stage.apply({ topic: 'otlp_spans', epoch: 'e', partition, first: 0, last: 0, records: [] }, record, caused)
      outcome.events.push(...caused.events)
      for (const { record: sent } of caused.outgoing) {
        const value = encodeRecord(sent)
        const told = { offset: next++, timestamp: record.timestamp, signal: null, headers: {}, value }
        decide.apply({ topic: 'observations', epoch: 'e', partition: 0, first: 0, last: 0, records: [] }, told, outcome)
      }
      if (record.offset % 20 !== 7) continue
      const again = new KeyedStage(config, mapper(), null)
      again.restore(stage.snapshot())
      keyed[partition] = again
      const restored = new DecideStage(config, null)
      restored.restore(decide.snapshot())
      decide = restored
    }
  }
  return outcome
}

const about = (alerts: readonly Alert[]) =>
  [...new Set(alerts.map(({ category, detector, subject }) => `${category} ${detector} ${subject.id}`))].sort()

it('over records that are keyed by what must be seen together, it says what the stages say that sort by themselves', () => {
  const plain = new OutcomeBuilder()
  const stages = new Stages(config, mapper())
  for (const record of log) stages.apply({ topic: 'otlp_spans', epoch: 'e', partition: 0, first: 0, last: 0, records: [] }, record, plain)
  const outcome = run(1, () => 0)
  expect(plain.alerts.length).toBeGreaterThan(1)
  expect(about(outcome.alerts)).toEqual(about(plain.alerts))
  expect(outcome.events).toEqual(plain.events)
})

it('a subject that turns up in two partitions of a topic is an alert, one a day', () => {
  const { alerts } = run(2, (record) => (record.value.length === 0 ? null : record.offset % 2))
  const keying = alerts.filter(({ detector }) => detector === 'keying')
  expect(keying.length).toBeGreaterThan(0)
  expect(keying[0]!.evidence.summary).toMatch(/was seen in partitions [01] and [01] of otlp_spans/)
  const days = keying.map(({ time }) => time.slice(0, 10))
  expect(new Set(days).size).toBe(days.length)
})
