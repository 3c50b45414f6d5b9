import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { storedEvents } from '../../src/backtest/stored-rows.ts'
import { configSchema } from '../../src/config/schema.ts'
import { OutcomeBuilder } from '../../src/stages/outcome.ts'
import { Stages } from '../../src/stages/stages.ts'
import { batchRows } from '../../src/store/rows.ts'
import type { Event, Position } from '../../src/telemetry/events.ts'
import { inTheClear } from '../../src/telemetry/hasher.ts'
import { createMapper } from '../../src/telemetry/map.ts'
import { call } from '../store/samples.ts'
import { type EmbeddedStore, openEmbeddedStore } from '../support/embedded-store.ts'
import { mixedLog } from '../support/mixed-log.ts'

let embedded: EmbeddedStore

beforeAll(async () => {
  embedded = await openEmbeddedStore()
})

afterAll(() => embedded.close())

const day = 86_400_000_000
const noRows = { deadLetters: [], observations: [], alerts: [], actions: [], deliveries: [] }

async function store(events: readonly Event[], { topic, epoch, partition }: Omit<Position, 'offset' | 'index'>): Promise<void> {
  const last = Math.max(...events.map(({ position }) => position.offset))
  await embedded.store.write({ range: { topic, epoch, partition, first: 0, last }, rows: batchRows({ ...noRows, events }) })
}

async function read(span: { from?: number; to?: number } = {}): Promise<Event[]> {
  const found = await storedEvents(embedded.store, { from: span.from ?? null, to: span.to ?? null })
  const events: Event[] = []
  for await (const batch of found.events()) events.push(...batch)
  expect(events.length).toBe(found.total)
  return events
}

/** Calls, samples and points of a log as the ingest stage makes them. */
function ingested(): Event[] {
  const config = configSchema.parse({})
  const stages = new Stages(config, createMapper(config, inTheClear))
  const outcome = new OutcomeBuilder()
  for (const [offset, { receivedAt, ...record }] of mixedLog(undefined, 20).entries()) {
    const whole = { ...record, offset, timestamp: receivedAt }
    stages.apply({ topic: 'log', epoch: 'e', partition: 0, first: offset, last: offset, records: [whole] }, whole, outcome)
  }
  return outcome.events
}

describe('stored events', () => {
  it('are those that were processed, in the order of the log, all but their vectors', async () => {
    const events = ingested()
    expect(new Set(events.map(({ kind }) => kind))).toEqual(new Set(['call', 'trainingSample', 'metricPoint']))
    await store(events, events[0]!.position)
    const expected = events.map((event) => {
      if (event.kind === 'call') return { ...event, embedding: null, activation: null }
      return event.kind === 'trainingSample' ? { ...event, activation: null } : event
    })
    expect(await read()).toEqual(expected)
    expect(events.some((event) => event.kind === 'metricPoint' && Number.isNaN(event.value))).toBe(true)
    await embedded.truncate('calls', 'training_samples', 'metric_points', 'ranges')
  }, 60_000)

  it('of several partitions come as their times do, without turning one of them round, and within the span that is asked for', async () => {
    const at = (partition: number, offset: number, time: number) =>
      call({ topic: 'spans', model: 'm', partition, offset, time: 1000 * day + time })
    // The second call of partition 0 is late: what stands behind it waits until its time is come.
    await store([at(0, 0, 10), at(0, 1, 40), at(0, 2, 20)], at(0, 0, 0).position)
    await store([at(1, 0, 15), at(1, 1, 30), at(1, 2, 50)], at(1, 0, 0).position)
    const order = (events: readonly Event[]) => events.map(({ position: { partition, offset } }) => `${partition}/${offset}`).join(' ')
    expect(order(await read())).toBe('0/0 1/0 1/1 0/1 0/2 1/2')
    expect(order(await read({ from: 1000 * day + 15, to: 1000 * day + 40 }))).toBe('1/0 0/2 1/1')
    await embedded.truncate('calls', 'ranges')
  })

  it('are read in pages that lose nothing and repeat nothing', async () => {
    const events = Array.from({ length: 11_000 }, (_, index) => ({
      ...call({ topic: 'spans', model: 'm', offset: 0, time: 2000 * day + index }),
      position: { topic: 'spans', epoch: 'e', partition: 0, offset: Math.floor(index / 300), index: index % 300 },
    }))
    await store(events, events[0]!.position)
    expect((await read()).map(({ position }) => position)).toEqual(events.map(({ position }) => position))
  }, 60_000)
})
