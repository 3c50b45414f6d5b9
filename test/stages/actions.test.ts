import { expect, it } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import type { Action } from '../../src/decisions/action.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { deliveryRows } from '../../src/delivery/outbox.ts'
import type { SourceRecord } from '../../src/sources/source.ts'
import { actionHeaders } from '../../src/stages/action-record.ts'
import { OutcomeBuilder } from '../../src/stages/outcome.ts'
import { Stages } from '../../src/stages/stages.ts'
import { keyedHash } from '../../src/telemetry/hasher.ts'
import { createMapper } from '../../src/telemetry/map.ts'
import { mixedLog } from '../support/mixed-log.ts'

const key = Buffer.alloc(32, 9)
const hour = 3600e6
const log: SourceRecord[] = mixedLog().map(({ receivedAt, ...record }, offset) => ({ ...record, offset, timestamp: receivedAt }))

function stagesWith(): Stages {
  const config = configSchema.parse({})
  return new Stages(config, createMapper(config, keyedHash(Buffer.alloc(32, 7))), key)
}

function run(records: readonly SourceRecord[], restartAt = -1): OutcomeBuilder {
  const outcome = new OutcomeBuilder()
  let stages = stagesWith()
  for (const [index, record] of records.entries()) {
    if (index === restartAt) {
      const fresh = stagesWith()
      fresh.restore(stages.snapshot())
      stages = fresh
    }
    stages.apply({ topic: 'log', epoch: 'e', partition: 0, first: index, last: index, records: [record] }, record, outcome)
  }
  return outcome
}

function recordOf(alert: string): number {
  const outcome = new OutcomeBuilder()
  const stages = stagesWith()
  return log.findIndex((record, index) => {
    stages.apply({ topic: 'log', epoch: 'e', partition: 0, first: index, last: index, records: [record] }, record, outcome)
    return outcome.alerts.some(({ id }) => id === alert)
  })
}

/** The log with records put behind the one at `at`. */
function withRecords(at: number, headers: readonly Record<string, string>[]): SourceRecord[] {
  const { timestamp } = log[at]!
  const added = headers.map((header) => ({ offset: 0, timestamp, signal: 'traces' as const, value: new Uint8Array(0), headers: header }))
  return [...log.slice(0, at + 1), ...added, ...log.slice(at + 1)].map((record, offset) => ({ ...record, offset }))
}

const undisturbed = run(log)
const [first] = undisturbed.alerts
const { incident } = first!
/** The record at which the incident opens. */
const openedAt = recordOf(first!.id)
const time = log[openedAt]!.timestamp * 1000
const common = { incident, by: 'ops', note: '', time }
const acknowledge: Action = { ...common, id: 'act_1', kind: 'acknowledge' }
const silence: Action = { ...common, id: 'act_2', kind: 'silence', until: time + 100 * 24 * hour }
const feedback: Action = { ...common, id: 'act_3', kind: 'feedback', verdict: 'true' }

it('an action in the log changes its incident from there on, and a replay of the log says the same, byte for byte', () => {
  const records = withRecords(
    openedAt,
    [acknowledge, silence, feedback].map((action) => actionHeaders(action, key)),
  )
  const outcome = run(records)
  expect(outcome.actions).toEqual([acknowledge, silence, feedback])
  const changes = outcome.alerts.filter((alert) => alert.incident === incident)
  expect(changes.slice(0, 4).map(({ status, handling }) => [status, handling?.change])).toEqual([
    ['opened', undefined],
    ['updated', 'acknowledged'],
    ['updated', 'silenced'],
    ['updated', 'feedback'],
  ])
  expect(changes.at(-1)).toMatchObject({ status: 'resolved', handling: { acknowledged: { by: 'ops' }, feedback: { verdict: 'true' } } })
  const text = JSON.stringify(outcome.alerts)
  expect(JSON.stringify(run(records).alerts)).toBe(text)
  for (const restartAt of [openedAt + 1, openedAt + 3, openedAt + 5]) expect(JSON.stringify(run(records, restartAt).alerts)).toBe(text)

  const webhooks = configSchema.parse({ webhooks: [{ name: 'a', url: 'https://a.example/', secret: `whsec_${'A'.repeat(32)}` }] }).webhooks
  const told = deliveryRows(changes, webhooks).map(({ body }) => JSON.parse(body as string) as Alert)
  expect(told.map(({ status, handling }) => [status, handling?.change])).toEqual([
    ['opened', undefined],
    ['updated', 'acknowledged'],
    ['resolved', undefined],
  ])
})

it('an action that was not signed with the key of the deployment does nothing and is a dead letter', () => {
  const forged = [
    actionHeaders(silence, Buffer.alloc(32, 1)),
    { ...actionHeaders(silence, key), 'tidewatch-action': actionHeaders(feedback, key)['tidewatch-action']! },
    { 'tidewatch-control': 'action' },
    { 'tidewatch-control': 'action', 'tidewatch-signature': 'no hex' },
  ]
  const outcome = run(withRecords(openedAt, forged))
  expect(outcome.actions).toEqual([])
  expect(outcome.deadLetters.filter(({ code }) => code === 'TW_ACTION_REFUSED')).toHaveLength(4)
  expect(outcome.alerts).toEqual(undisturbed.alerts)
})
