import { describe, expect, it } from 'vitest'
import { type Caller, callsOf } from '../../../detectors/extraction/examples.ts'
import { syntheticQueries } from '../../../detectors/extraction/synthetic-queries.ts'
import { NearRepeatsReference } from '../../../src/detection/near-repeats-reference.ts'
import { createRandom } from '../../../src/sketches/random.ts'

const dimensions = 48

function sketches(shape: NonNullable<Caller['shape']>, calls: number, id = 'one'): Uint8Array[] {
  const detector = syntheticQueries.build('test')
  const state = detector.create()
  return callsOf([{ id, from: 0, to: 5, calls, shape }], `synthetic-test/${id}`).flatMap(
    (event) => detector.update(state, event)?.sketch ?? [],
  )
}

function randomVector(random: { normal(): number }): Float32Array {
  return Float32Array.from({ length: dimensions }, () => random.normal())
}

/** A population of forty whose inputs are unrelated. */
function reference(): NearRepeatsReference {
  const others = new NearRepeatsReference()
  for (let person = 0; person < 40; person++) {
    const random = createRandom(`synthetic-test/${person}`)
    const sketch = sketches(() => ({ embedding: randomVector(random) }), 60, `person-${person}`).at(-1)!
    others.score(`person-${person}`, sketch, true)
  }
  return others
}

function lastScore(shape: NonNullable<Caller['shape']>, calls = 200): number | null {
  const sketch = sketches(shape, calls).at(-1)
  return sketch === undefined ? null : reference().score('one', sketch, false)!.score
}

const random = createRandom('synthetic-test')
const seeds = Array.from({ length: 5 }, () => randomVector(random))
const step = (size: number) => (index: number) => ({ embedding: seeds[index % 5]!.map((value) => value + size * random.normal()) })

describe('synthetic queries', () => {
  it.each([0.1, 0.01, 0.001])('scores steps of %d around five inputs by how many there are', (size) => {
    expect(lastScore(step(size))).toBeGreaterThan(Math.log(10))
    expect(lastScore(step(size), 24)).toBeGreaterThan(Math.log(4))
  })

  it('finds a line search between two inputs', () => {
    const between = (index: number) => ({ embedding: seeds[0]!.map((value, i) => value + ((index % 60) / 60) * (seeds[1]![i]! - value)) })
    expect(lastScore(between)).toBeGreaterThan(Math.log(5))
  })

  it('scores unrelated inputs, and variations as far apart as a topic is wide, at nothing', () => {
    expect(lastScore(() => ({ embedding: randomVector(random) }))).toBeLessThan(0)
    expect(lastScore(step(0.4))).toBeLessThan(0)
  })

  it('does not take repetition for variation', () => {
    expect(lastScore((index) => ({ embedding: seeds[index % 5]! }))).toBe(null)
    const many = Array.from({ length: 20 }, () => randomVector(random))
    expect(lastScore((index) => ({ embedding: many[index % 20]! }))).toBeLessThan(0)
  })

  it('hears of an account that turns after a long honest past', () => {
    const honest = () => ({ embedding: randomVector(random) })
    expect(lastScore((index) => (index < 2000 ? honest() : step(0.01)(index)), 2000)).toBeLessThan(0)
    const detector = syntheticQueries.build('test')
    const state = detector.create()
    const others = reference()
    let score = 0
    const past = callsOf([{ id: 'one', from: 0, to: 5, calls: 2000, shape: honest }], 'past')
    const turned = callsOf([{ id: 'one', from: 6, to: 7, calls: 200, shape: step(0.01) }], 'turned')
    for (const event of [...past, ...turned]) {
      const finding = detector.update(state, event)
      if (finding !== null) score = others.score('one', finding.sketch!, false)!.score
    }
    expect(score).toBeGreaterThan(Math.log(5))
  })

  it('says nothing without embeddings, with numbers that are none, or on a handful of inputs', () => {
    expect(sketches(() => ({}), 200)).toEqual([])
    expect(sketches(() => ({ embedding: new Float32Array(dimensions).fill(Number.NaN) }), 200)).toEqual([])
    expect(sketches(() => ({ embedding: new Float32Array(dimensions) }), 200)).toEqual([])
    expect(sketches(step(0.01), 17)).toEqual([])
  })

  it('starts anew with another embedding model', () => {
    const detector = syntheticQueries.build('test')
    const state = detector.create()
    for (const event of callsOf([{ id: 'one', from: 0, to: 1, calls: 100, shape: step(0.01) }], 'old')) detector.update(state, event)
    const short = () => ({ embedding: Float32Array.from({ length: 16 }, () => random.normal()) })
    const first = callsOf([{ id: 'one', from: 2, to: 3, calls: 8, shape: short }], 'new')
    expect(first.map((event) => detector.update(state, event))).toEqual(Array.from({ length: 8 }, () => null))
  })

  it('keeps at most 32 KB an account, 400 bytes below ten calls', () => {
    const detector = syntheticQueries.build('test')
    const state = detector.create()
    const wide = () => ({ embedding: Float32Array.from({ length: 1536 }, () => random.normal()) })
    const sizes = callsOf([{ id: 'one', from: 0, to: 1, calls: 100, shape: wide }], 'size').map((event) => {
      detector.update(state, event)
      return detector.encode(state).length
    })
    expect(Math.max(...sizes.slice(0, 9))).toBeLessThanOrEqual(400)
    expect(Math.max(...sizes)).toBeLessThan(32 * 1024)
  })
})

describe('the reference of near repeats', () => {
  it('is silent below thirty members, and equal after its bytes', () => {
    const sketch = sketches(step(0.01), 100).at(-1)!
    expect(new NearRepeatsReference().score('one', sketch, true)).toBe(null)
    const others = reference()
    const copy = new NearRepeatsReference()
    copy.decode(others.encode())
    expect(copy.score('one', sketch, false)).toEqual(others.score('one', sketch, false))
    expect(copy.encode()).toEqual(others.encode())
  })

  it('does not move when a few of the population are searchers themselves', () => {
    const others = reference()
    const sketch = sketches(step(0.01), 100).at(-1)!
    const before = others.score('one', sketch, false)!.score
    for (let at = 0; at < 8; at++) others.score(`searcher-${at}`, sketch, true)
    expect(others.score('one', sketch, false)!.score).toBeCloseTo(before, 1)
    for (let at = 0; at < 8; at++) others.forget(`searcher-${at}`)
    expect(others.score('one', sketch, false)!.score).toBe(before)
  })
})
