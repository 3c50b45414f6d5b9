import { describe, expect, it } from 'vitest'
import { callsOf } from '../../detectors/extraction/examples.ts'
import { createDetection } from '../../src/detection/detect.ts'
import { detectors, enabledDetectors } from '../../src/detection/registry.ts'

const calls = callsOf([{ id: 'one', from: 0, to: 10, calls: 200, shape: () => ({ embedding: new Float32Array(96).fill(1) }) }], 'detect')

describe('the detect stage', () => {
  it('tells who, where and since when with each finding', () => {
    const detection = createDetection({ seed: 1 })
    const observations = calls.flatMap((call) => detection.process(call))
    expect(observations.length).toBeLessThan(100)
    const last = observations.filter((one) => one.detector === 'volume-and-breadth').at(-1)!
    expect(last).toMatchObject({
      category: 'extraction',
      subject: { kind: 'principal', id: 'one' },
      population: 'production/example-chat/principals',
      model: 'example-chat',
      service: 'example-service',
      environment: 'production',
      firstSeen: calls[0].time,
      lastSeen: last.time,
    })
    expect(calls.some((call) => call.kind === 'call' && call.spanId === last.ref && call.traceId === last.traceId)).toBe(true)
  })

  it('leaves out what is switched off, and refuses names that no detector has', () => {
    expect(enabledDetectors(['query-shift']).map(({ name }) => name)).not.toContain('query-shift')
    expect(enabledDetectors()).toEqual(detectors)
    expect(() => createDetection({ seed: 1, disabled: ['no-such'] })).toThrow(expect.objectContaining({ code: 'TW_DETECTOR_UNKNOWN' }))
  })

  it('restores only what was saved with the same seed and detectors', () => {
    const detection = createDetection({ seed: 1 })
    for (const call of calls) detection.process(call)
    const bytes = detection.snapshot()
    const same = createDetection({ seed: 1 })
    same.restore(bytes)
    expect(same.statistics()).toEqual(detection.statistics())
    for (const other of [createDetection({ seed: 2 }), createDetection({ seed: 1, disabled: ['query-shift'] })]) {
      expect(() => other.restore(bytes)).toThrow(expect.objectContaining({ code: 'TW_STATE_MISMATCH' }))
    }
  })

  it('lets the subject that was silent longest make room', () => {
    const small = detectors.map((definition) => ({ ...definition, maxSubjects: 2 }))
    const detection = createDetection({ seed: 1, detectors: small })
    const order = ['a', 'b', 'a', 'c', 'a', 'b']
    order.forEach((id, index) => {
      detection.process(callsOf([{ id, from: index, to: index + 0.5, calls: 1 }], `room ${index}`)[0])
    })
    // b made room for c, then c for b; a was never silent longest.
    expect(detection.statistics()['volume-and-breadth']).toEqual({ subjects: 2, evicted: 2 })
    const [next] = callsOf([{ id: 'a', from: 20, to: 20.5, calls: 1 }], 'room next')
    expect(detection.process(next).find(({ detector }) => detector === 'volume-and-breadth')!.events).toBe(4)
  })

  it('says nothing of calls that nobody made', () => {
    const detection = createDetection({ seed: 1 })
    const [nameless] = callsOf([{ id: 'one', from: 0, to: 1, calls: 1, shape: () => ({ principal: null }) }], 'nameless')
    expect(detection.process(nameless)).toEqual([])
  })
})
