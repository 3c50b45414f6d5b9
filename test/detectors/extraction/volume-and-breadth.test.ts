import { describe, expect, it } from 'vitest'
import { type Caller, callsOf } from '../../../detectors/extraction/examples.ts'
import { volumeAndBreadth } from '../../../detectors/extraction/volume-and-breadth.ts'

function lastScore(caller: Omit<Caller, 'id'>): number {
  const detector = volumeAndBreadth.build('test')
  const state = detector.create()
  let score = 0
  for (const event of callsOf([{ id: 'one', ...caller }], 'volume-test')) score = detector.update(state, event)?.score ?? score
  return score
}

describe('volume and breadth', () => {
  it('scores a harvest above a busy session and above the same number spread over three days', () => {
    const harvest = lastScore({ from: 0, to: 10, calls: 400 })
    expect(harvest).toBeGreaterThan(lastScore({ from: 0, to: 1, calls: 60 }))
    expect(harvest).toBeGreaterThan(lastScore({ from: 0, to: 72, calls: 400 }) + 0.5)
  })

  it('counts an input once, however often it is asked', () => {
    expect(lastScore({ from: 0, to: 2, calls: 500, shape: (index) => ({ fingerprint: `input-${index % 5}` }) })).toBeLessThan(2)
  })

  it('counts a template once, whatever it is filled with', () => {
    expect(lastScore({ from: 0, to: 2, calls: 500, shape: () => ({ skeleton: 'one' }) })).toBeLessThan(1)
  })

  it('counts calls where the telemetry tells nothing of the input', () => {
    expect(lastScore({ from: 0, to: 2, calls: 500, shape: () => ({ fingerprint: null }) })).toBeGreaterThan(5)
  })

  it('speaks at growing counts, not at every call', () => {
    const detector = volumeAndBreadth.build('test')
    const state = detector.create()
    const spoken = callsOf([{ id: 'one', from: 0, to: 12, calls: 1000 }], 'cadence').filter(
      (event) => detector.update(state, event) !== null,
    )
    expect(spoken.length).toBeGreaterThan(5)
    expect(spoken.length).toBeLessThan(50)
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
