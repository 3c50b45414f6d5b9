import { describe, expect, it } from 'vitest'
import { type Caller, callsOf, ordinaryPeople } from '../../../detectors/extraction/examples.ts'
import { volumeAndBreadth } from '../../../detectors/extraction/volume-and-breadth.ts'
import type { CallEvent } from '../../../src/telemetry/events.ts'

const people = ordinaryPeople('volume-test')

/** The highest score of a caller on the third day, among sixty people. */
function scoreOf(caller: Omit<Caller, 'id' | 'from'> & { hours: number }): number {
  const detector = volumeAndBreadth.build('test')
  const reference = volumeAndBreadth.buildReference!()
  const states = new Map<string, unknown>()
  const one = { ...caller, id: 'one', from: 50, to: 50 + caller.hours }
  let highest = Number.NEGATIVE_INFINITY
  for (const event of callsOf([...people, one], 'volume-test')) {
    const { id } = (event as CallEvent).principal!
    if (!states.has(id)) states.set(id, detector.create())
    const finding = detector.update(states.get(id) as never, event)
    if (finding === null) continue
    const scored = reference.score(id, finding.sketch!, true)
    if (id === 'one' && scored !== null) highest = Math.max(highest, scored.score)
  }
  return highest
}

describe('volume and breadth', () => {
  it('scores a harvest above a busy session and above the same number spread over three days', () => {
    const harvest = scoreOf({ hours: 10, to: 0, calls: 400 })
    expect(harvest).toBeGreaterThan(3)
    expect(harvest).toBeGreaterThan(scoreOf({ hours: 1, to: 0, calls: 60 }) + 0.5)
    expect(harvest).toBeGreaterThan(scoreOf({ hours: 72, to: 0, calls: 400 }) + 0.5)
  })

  it('counts an input once, however often it is asked', () => {
    expect(scoreOf({ hours: 2, to: 0, calls: 500, shape: (index) => ({ fingerprint: `input-${index % 5}` }) })).toBeLessThan(1.5)
  })

  it('counts a template once, whatever it is filled with', () => {
    expect(scoreOf({ hours: 2, to: 0, calls: 500, shape: () => ({ skeleton: 'one' }) })).toBeLessThan(0)
  })

  it('counts calls where the telemetry tells nothing of the input', () => {
    expect(scoreOf({ hours: 2, to: 0, calls: 500, shape: () => ({ fingerprint: null }) })).toBeGreaterThan(3)
  })

  it('speaks at growing counts, not at every call', () => {
    const detector = volumeAndBreadth.build('test')
    const state = detector.create()
    const spoken = callsOf([{ id: 'one', from: 0, to: 12, calls: 1000 }], 'cadence').filter(
      (event) => detector.update(state, event) !== null,
    )
    expect(spoken.length).toBeGreaterThan(5)
    expect(spoken.length).toBeLessThan(100)
  })

  it('keys by principal and by credential, and keeps sessions apart from people', () => {
    const detector = volumeAndBreadth.build('test')
    const [call] = callsOf([{ id: 'one', from: 0, to: 1, calls: 1, shape: () => ({ credential: 'key' }) }], 'keys')
    expect(detector.subjects(call)).toEqual([
      { subject: { kind: 'principal', id: 'one' }, population: 'production/example-chat/principals' },
      { subject: { kind: 'credential', id: 'key' }, population: 'production/example-chat/credentials' },
    ])
    const session = { id: 's', kind: null, source: 'session.id', lastResort: true } as const
    const [last] = callsOf([{ id: 'one', from: 0, to: 1, calls: 1, shape: () => ({ principal: session }) }], 'keys')
    expect(detector.subjects(last)[0].population).toBe('production/example-chat/sessions')
  })
})
