import { describe, expect, it } from 'vitest'
import { encodePace, PaceReference } from '../../src/detection/pace-reference.ts'
import { decayHours } from '../../src/sketches/decayed-sums.ts'
import { createRandom, type Random } from '../../src/sketches/random.ts'

const hour = 3.6e9
const pace = (time: number, count: number, software = false) =>
  encodePace({ time, software, levels: new Float32Array(decayHours.length).fill(Math.log1p(count)) })

/** People whose counts are log-normal: half of them below 10. */
function withPeople(people: number, random: Random, times: readonly number[] = [0, 13 * hour]): PaceReference {
  const reference = new PaceReference()
  const counts = Array.from({ length: people }, () => 10 * Math.exp(0.8 * random.normal()))
  for (const time of times) counts.forEach((count, at) => void reference.score(`person-${at}`, pace(time, count), true))
  return reference
}

describe('paces compared', () => {
  it('says nothing for half a day, nor without thirty others', () => {
    const random = createRandom('pace/young')
    expect(withPeople(60, random, [0]).score('one', pace(11 * hour, 500), false)).toBeNull()
    expect(withPeople(20, random).score('one', pace(13 * hour, 500), false)).toBeNull()
    expect(withPeople(60, random).score('one', pace(13 * hour, 500), false)).not.toBeNull()
  })

  it('gives standard deviations: half of the others are below zero, and 2.3 % above two', () => {
    const reference = withPeople(2000, createRandom('pace/scale'))
    const others = reference.others('nobody')
    const above = (least: number) => others.filter((score) => score > least).length / others.length
    expect(above(0)).toBeGreaterThan(0.45)
    expect(above(0)).toBeLessThan(0.55)
    expect(above(2)).toBeLessThan(0.04)
    expect(above(2)).toBeGreaterThan(0.01)
  })

  it('is not moved by a few very fast ones, and does not count them among the others', () => {
    const calm = withPeople(200, createRandom('pace/masking'))
    const before = calm.score('one', pace(14 * hour, 150), false)!.score
    for (let at = 0; at < 8; at++) calm.score(`thief-${at}`, pace(14 * hour, 300), true)
    const after = calm.score('one', pace(14 * hour, 150), false)!.score
    expect(after).toBeGreaterThan(before - 0.2)
    expect(Math.max(...calm.others('one'))).toBeLessThan(after)
  })

  it('compares declared software with other software', () => {
    const reference = withPeople(100, createRandom('pace/software'))
    const as = (count: number, software: boolean) => reference.score('one', pace(14 * hour, count, software), false)!.score
    expect(as(200, true)).toBe(as(200, false))
    for (let at = 0; at < 6; at++) reference.score(`service-${at}`, pace(14 * hour, 100 + 50 * at, true), true)
    for (let at = 0; at < 30; at++) reference.score(`late-${at}`, pace(14 * hour, 8), true)
    expect(as(200, false)).toBeGreaterThan(3)
    expect(as(200, true)).toBeLessThan(1)
    expect(as(200_000, true)).toBeGreaterThan(3)
  })

  it('never finds a pace worth a word that is slow in itself', () => {
    const quiet = new PaceReference()
    for (const time of [0, 13 * hour]) for (let at = 0; at < 100; at++) quiet.score(`person-${at}`, pace(time, 1), true)
    expect(quiet.score('one', pace(14 * hour, 15), false)!.score).toBeLessThan(2.5)
    expect(quiet.score('one', pace(14 * hour, 30), false)!.score).toBeGreaterThan(2.5)
  })

  it('goes on from its encoding as if nothing had happened', () => {
    const random = createRandom('pace/encoding')
    const reference = withPeople(80, random)
    reference.score('service', pace(14 * hour, 300, true), true)
    const copy = new PaceReference()
    copy.decode(reference.encode())
    for (let step = 0; step < 60; step++) {
      const count = 10 * Math.exp(random.normal())
      const sketch = pace((14 + step) * hour, count, step % 9 === 0)
      expect(copy.score(`next-${step % 20}`, sketch, true)).toEqual(reference.score(`next-${step % 20}`, sketch, true))
      expect(copy.others('service')).toEqual(reference.others('service'))
    }
    expect(copy.encode()).toEqual(reference.encode())
    reference.forget('person-3')
    copy.forget('person-3')
    expect(copy.encode()).toEqual(reference.encode())
  })
})
