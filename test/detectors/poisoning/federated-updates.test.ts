import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sybilUpdates } from '../../../detectors/poisoning/sybil-updates.ts'
import { federationExample, type UpdateChange } from '../../../detectors/poisoning/update-examples.ts'
import { updateOutlier } from '../../../detectors/poisoning/update-outlier.ts'
import { partOfLook, UpdateRound } from '../../../detectors/poisoning/update-round.ts'
import { createDecisions } from '../../../src/decisions/decide.ts'
import type { DetectorDefinition } from '../../../src/detection/contract.ts'
import { createDetection } from '../../../src/detection/detect.ts'
import { RobustSpread } from '../../../src/sketches/robust.ts'
import type { Event, TrainingUpdateEvent } from '../../../src/telemetry/events.ts'

const both = [updateOutlier as DetectorDefinition, sybilUpdates as DetectorDefinition]

/** Incidents that the two detectors open at the default budget, with the last round that had begun. */
function incidents(events: readonly Event[], detectors = both) {
  const detection = createDetection({ seed: 'test', detectors })
  const decisions = createDecisions({ falseIncidentsPerDay: 1, detectors })
  return events.flatMap((event) =>
    detection
      .process(event)
      .flatMap((observation) => decisions.process(observation).alerts)
      .filter(({ status }) => status === 'opened')
      .map((alert) => ({
        alert,
        round: (event as TrainingUpdateEvent).round ?? 0,
        names: alert.members.map(({ id }) => id).sort(),
        facts: (alert.evidence.detectors as { facts: Record<string, unknown> }[])[0]!.facts,
      })),
  )
}

const from =
  (start: number, change: UpdateChange) =>
  (round: number): UpdateChange =>
    round < start ? {} : change

describe('federated updates', () => {
  it('names a client that turns its update round, and the round in which it began', () => {
    const [first, ...others] = incidents(federationExample({ 'client-3': from(8, { scale: -1 }) }))
    expect(others).toEqual([])
    expect(first!.names).toEqual(['client-3'])
    expect(first!.round).toBeLessThanOrEqual(11)
    expect(first!.facts.beganInRound).toBeGreaterThanOrEqual(8)
    expect(first!.facts.beganInRound).toBeLessThanOrEqual(10)
    expect(first!.alert.run).toBe('example-run')
  })

  it('names a client that boosts its update', () => {
    const found = incidents(federationExample({ 'client-5': from(10, { scale: 12 }) }))
    expect(found.map(({ names }) => names)).toEqual([['client-5']])
    expect(found[0]!.round).toBeLessThanOrEqual(13)
  })

  it('names a client whose updates grow sixfold, though others always send as large ones', () => {
    const large = { 'client-9': () => ({ scale: 6 }), 'client-10': () => ({ scale: 6 }) }
    const found = incidents(federationExample({ ...large, 'client-5': from(10, { scale: 6 }) }, 'sixfold'))
    expect(found.map(({ names }) => names)).toEqual([['client-5']])
  })

  it('says nothing about a client whose updates become small', () => {
    expect(incidents(federationExample({ 'client-5': from(10, { scale: 0.05 }) }))).toEqual([])
  })

  it('names copies as one ring', () => {
    const guilty = ['client-1', 'client-6', 'client-12', 'client-20']
    const copied = Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? 4 : -4))
    const copies = federationExample(Object.fromEntries(guilty.map((id) => [id, from(6, { pull: copied })])))
    const [ring, ...others] = incidents(copies, [sybilUpdates as DetectorDefinition])
    expect(others).toEqual([])
    expect(ring!.names.length).toBeGreaterThanOrEqual(3)
    for (const name of ring!.names) expect(guilty).toContain(name)
    expect(
      incidents(copies)
        .flatMap(({ names }) => names)
        .filter((name) => !guilty.includes(name)),
    ).toEqual([])
  })

  it('opens no more false incidents than its budget in federations of unlike honest clients', () => {
    let opened = 0
    for (let run = 0; run < 25; run++) opened += incidents(federationExample({}, `honest/${run}`, 30)).length
    // A fifth of the budget is for poisoning: five in 25 runs are allowed, and Student's t is generous.
    expect(opened).toBeLessThanOrEqual(3)
  })

  it('counts late updates where they land and does not take them for outliers', () => {
    const events = federationExample({}, 'late')
    const late = events.filter((event) => (event as TrainingUpdateEvent).client === 'client-7')
    const others = events.filter((event) => (event as TrainingUpdateEvent).client !== 'client-7')
    // Each update of one client comes after the next round has begun.
    const mixed = others.flatMap((event, index) => {
      const update = event as TrainingUpdateEvent
      const next = others[index - 1] as TrainingUpdateEvent | undefined
      const arriving =
        next !== undefined && update.round !== next.round ? late.filter((one) => (one as TrainingUpdateEvent).round === next.round) : []
      return [event, ...arriving]
    })
    expect(mixed.length).toBeGreaterThan(others.length + 10)
    expect(incidents(mixed)).toEqual([])
  })

  it('gives honest clients p-values that are not small too often', () => {
    const detection = createDetection({ seed: 'test', detectors: both })
    const smallest = new Map<string, number>()
    for (let run = 0; run < 10; run++) {
      for (const event of federationExample({}, `null/${run}`)) {
        for (const { detector, subject, pValue } of detection.process({ ...event, run: `run-${run}` } as Event)) {
          const key = `${detector} ${run} ${subject.id}`
          if (pValue !== null) smallest.set(key, Math.min(smallest.get(key) ?? 1, pValue))
        }
      }
    }
    const values = [...smallest.values()]
    expect(values.length).toBeGreaterThan(400)
    for (const level of [0.01, 0.1]) expect(values.filter((p) => p <= level).length / values.length).toBeLessThanOrEqual(1.5 * level)
  })
})

describe('rounds', () => {
  const update = (client: string, round: number | null): TrainingUpdateEvent => ({
    kind: 'trainingUpdate',
    position: { topic: 't', epoch: '0', partition: 0, offset: 0, index: 0 },
    time: 1,
    service: '',
    environment: '',
    run: 'r',
    round,
    client,
    norm: 1,
    sketch: Float32Array.of(1, 2),
    samples: null,
  })
  const closed = (updates: readonly [string, number | null][]): (string[] | null)[] => {
    const round = new UpdateRound()
    return updates.map(([client, number]) => round.add(update(client, number))?.map((one) => one.client) ?? null)
  }

  it('close when a later one begins; late updates land in the open one', () => {
    expect(
      closed([
        ['a', 1],
        ['b', 1],
        ['a', 2],
        ['c', 1],
        ['b', 3],
      ]),
    ).toEqual([null, null, ['a', 'b'], null, ['a', 'c']])
  })

  it('without numbers close when a client speaks again', () => {
    expect(
      closed([
        ['a', null],
        ['b', null],
        ['a', null],
        ['c', null],
        ['c', null],
      ]),
    ).toEqual([null, null, ['a', 'b'], null, ['a', 'c']])
  })

  it('go on after an absurd number', () => {
    const result = closed([
      ['a', 1],
      ['x', 1e12],
      ['a', 2],
      ['b', 2],
      ['a', 3],
      ['b', 3],
      ['a', 4],
      ['b', 4],
      ['a', 5],
    ])
    expect(result.at(-1)).toEqual(['a', 'b'])
  })
})

describe('parts of an error probability', () => {
  it('sum to at most one', () => {
    let sum = 0
    for (let look = 1; look <= 1e5; look++) sum += partOfLook(look)
    expect(sum).toBeLessThanOrEqual(1)
    expect(sum).toBeGreaterThan(0.99)
  })
})

describe('robust spread', () => {
  it('is where most values are, whatever a quarter of them does', () => {
    fc.assert(
      fc.property(fc.float({ min: 10, max: 1e6, noNaN: true }), fc.integer({ min: 0, max: 7 }), (far, count) => {
        const usual = Array.from({ length: 24 }, (_, i) => Math.sin(17 * i))
        const spread = new RobustSpread([...usual, ...Array.from({ length: count }, () => far)], 0.01)
        expect(Math.abs(spread.location)).toBeLessThan(0.4)
        expect(spread.scale).toBeLessThan(1.6)
        if (count > 0) expect(spread.tail(spread.deviation(far))).toBeLessThan(1e-4)
      }),
      { numRuns: 100, seed: 5 },
    )
  })
})
