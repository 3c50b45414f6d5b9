import { describe, expect, it } from 'vitest'
import { type Caller, callsOf } from '../../../detectors/extraction/examples.ts'
import { queryShift } from '../../../detectors/extraction/query-shift.ts'
import { MeanShiftReference } from '../../../src/detection/mean-shift-reference.ts'
import { createRandom, type Random } from '../../../src/sketches/random.ts'

const dimensions = 24

/** Principals who ask about two topics each, out of ten that lie in the first dimensions. */
function population(size: number): Caller[] {
  const random = createRandom('query-shift-test')
  const topics = Array.from({ length: 10 }, () => Float32Array.from({ length: dimensions }, (_, i) => (i < 16 ? random.normal() : 0)))
  return Array.from({ length: size }, (_, person) => {
    const own = [random.uint32() % 10, random.uint32() % 10]
    const calls = 20 + (random.uint32() % 80)
    return { id: `p${person}`, from: 0, to: 24, calls, shape: (index: number) => ({ embedding: around(topics[own[index % 2]], random) }) }
  })
}

function around(centre: Float32Array, random: Random): Float32Array {
  return centre.map((value) => value + 0.6 * random.normal())
}

const elsewhere = Float32Array.from({ length: dimensions }, (_, i) => (i >= 16 ? 1.2 : 0))

/** Scores of all principals against each other, by id, with the sketches of their last word. */
function scoresOf(callers: readonly Caller[]): Map<string, number> {
  const detector = queryShift.build('test')
  const sketches = new Map<string, Uint8Array>()
  const states = new Map<string, ReturnType<typeof detector.create>>()
  for (const event of callsOf(callers, 'query-shift-test')) {
    if (event.kind !== 'call') continue
    const id = event.principal!.id
    const state = states.get(id) ?? detector.create()
    states.set(id, state)
    const sketch = detector.update(state, event)?.sketch
    if (sketch) sketches.set(id, sketch)
  }
  const reference = new MeanShiftReference()
  for (const round of [0, 1]) for (const [id, sketch] of sketches) reference.score(id, sketch, round === 0)
  return new Map([...sketches].map(([id, sketch]) => [id, reference.score(id, sketch, false)!.score]))
}

describe('query shift', () => {
  it('ranks a foreign distribution above every topical person', () => {
    const random = createRandom('foreign')
    const foreign = {
      id: 'foreign',
      from: 0,
      to: 5,
      calls: 80,
      shape: () => ({ embedding: around(elsewhere, random) }),
    }
    const scores = scoresOf([...population(80), foreign])
    const others = [...scores].filter(([id]) => id !== 'foreign').map(([, score]) => score)
    expect(scores.get('foreign')).toBeGreaterThan(Math.max(...others))
  })

  it('means the same for those with few and with many calls', () => {
    const callers = population(120)
    const scores = scoresOf(callers)
    const mean = (chosen: Caller[]) => chosen.reduce((sum, { id }) => sum + scores.get(id)!, 0) / chosen.length
    const byCalls = [...callers].sort((a, b) => a.calls - b.calls)
    expect(Math.abs(mean(byCalls.slice(0, 40)) - mean(byCalls.slice(-40)))).toBeLessThan(0.2)
  })

  it('gives no score in a population that is too small', () => {
    const detector = queryShift.build('test')
    const state = detector.create()
    const sketch = callsOf(population(1), 'small').flatMap((event) => detector.update(state, event)?.sketch ?? [])[0]
    expect(new MeanShiftReference().score('p0', sketch, true)).toBeNull()
  })

  it('starts over when the embedding model changes', () => {
    const detector = queryShift.build('test')
    const state = detector.create()
    const shape = (index: number) => ({ embedding: new Float32Array(index < 50 ? 24 : 48).fill(1) })
    const findings = callsOf([{ id: 'one', from: 0, to: 1, calls: 57, shape }], 'change').map((event) => detector.update(state, event))
    expect(findings.some((finding) => finding !== null)).toBe(true)
    expect(state.sketch).toMatchObject({ weight: expect.closeTo(detector.decode(detector.encode(state)).sketch!.weight, 6) })
    expect(state.sketch!.weight).toBeLessThan(57)
  })

  it('weighs a repeated input once', () => {
    const detector = queryShift.build('test')
    const state = detector.create()
    const same = () => ({ embedding: new Float32Array(8).fill(1), fingerprint: 'same' })
    for (const event of callsOf([{ id: 'one', from: 0, to: 1, calls: 100, shape: same }], 'same')) {
      expect(detector.update(state, event)).toBeNull()
    }
  })
})
