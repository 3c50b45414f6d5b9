import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import type { SourceBatch } from '../../src/sources/source.ts'
import { OutcomeBuilder } from '../../src/stages/outcome.ts'
import { Stages } from '../../src/stages/stages.ts'
import { keyedHash } from '../../src/telemetry/hasher.ts'
import { createMapper } from '../../src/telemetry/map.ts'
import { mixedLog } from '../support/mixed-log.ts'

const records = mixedLog().map(({ receivedAt, ...record }, offset) => ({ ...record, offset, timestamp: receivedAt }))

function stagesWith(change: object = {}): Stages {
  const config = configSchema.parse(change)
  return new Stages(config, createMapper(config, keyedHash(Buffer.alloc(32, 7))))
}

function batchOf(first: number, last: number): SourceBatch {
  return { topic: 'log', epoch: 'e', partition: 0, first, last, records: records.slice(first, last + 1) }
}

/** What the log causes, as text, when it is cut before the given records; at those in `restarts` the state is saved and restored. */
function run(cuts: readonly number[], restarts: ReadonlySet<number>): string {
  const outcome = new OutcomeBuilder()
  let stages = stagesWith()
  const borders = [...new Set([0, ...cuts])].sort((a, b) => a - b)
  borders.forEach((first, index) => {
    if (restarts.has(first)) {
      const fresh = stagesWith()
      fresh.restore(stages.snapshot())
      stages = fresh
    }
    const batch = batchOf(first, (borders[index + 1] ?? records.length) - 1)
    for (const record of batch.records) stages.apply(batch, record, outcome)
  })
  stages.finish(outcome)
  return JSON.stringify(outcome, (_, value) =>
    ArrayBuffer.isView(value) ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex') : value,
  )
}

describe('the stages over one log', () => {
  const undisturbed = run([], new Set())

  it('are tried on a log with everything in it', () => {
    const { events, alerts, deadLetters, observations } = JSON.parse(undisturbed) as OutcomeBuilder
    expect(new Set(events.map(({ kind }) => kind))).toEqual(new Set(['call', 'metricPoint', 'trainingSample']))
    expect(new Set(alerts.map(({ status }) => status))).toEqual(new Set(['opened', 'updated', 'resolved']))
    expect(observations.filter(({ pValue }) => pValue !== null).length).toBeGreaterThan(50)
    expect(deadLetters.length).toBeGreaterThan(5)
    const late = events.filter((event) => event.kind === 'call' && event.possibleDuplicate)
    expect(late.length).toBeGreaterThan(30)
  })

  const places = fc.uniqueArray(fc.nat({ max: records.length - 1 }), { maxLength: 12 })

  it('say the same, byte for byte, however the log is cut, and wherever the state is saved and restored', () => {
    fc.assert(
      fc.property(places, places, (cuts, restarts) => {
        expect(run([...cuts, ...restarts], new Set(restarts)) === undisturbed).toBe(true)
      }),
      { numRuns: 6, seed: 2, examples: [[records.map((_, at) => at), [1, 30, records.length - 1]]] },
    )
  })

  it('do not take the state of another seed, other detectors, other rules of identity or other bytes', () => {
    const stages = stagesWith()
    const batch = batchOf(0, 20)
    for (const record of batch.records) stages.apply(batch, record, new OutcomeBuilder())
    const bytes = stages.snapshot()
    const refused = expect.objectContaining({ code: 'TW_STATE_MISMATCH' })
    for (const change of [
      { seed: 2 },
      { decisions: { disabled: ['query-shift'] } },
      { identity: { attributes: ['tenant'] } },
      { identity: { hash: false } },
      { content: { embeddingDimensions: 64 } },
    ]) {
      expect(() => stagesWith(change).restore(bytes)).toThrow(refused)
    }
    for (const length of [0, 1, 40, bytes.length - 1]) expect(() => stagesWith().restore(bytes.subarray(0, length))).toThrow(refused)
    // What only bounds or weighs lets the state live.
    stagesWith({ decisions: { falseIncidentsPerDay: 3 }, ingest: { joinWindow: 20 }, deadLetters: { maxRun: 5 } }).restore(bytes)
  })
})
