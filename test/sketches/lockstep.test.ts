import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { ActivityBits, bitCount, lockstepEdges, lockstepSlots, popularityOf } from '../../src/sketches/lockstep.ts'
import { createRandom } from '../../src/sketches/random.ts'

const slot = 86_400e6 / lockstepSlots

function activity(slots: Iterable<number>): Uint32Array {
  const own = new ActivityBits()
  for (const at of slots) own.add((1000 + at) * slot)
  return own.bits
}

function isEdge(edges: readonly Uint32Array[], i: number, j: number): boolean {
  return ((edges[i]![j >>> 5]! >>> (j & 31)) & 1) === 1
}

describe('activity of a day', () => {
  it('counts each slot once and forgets it after a day', () => {
    const own = new ActivityBits()
    for (const at of [0, 0, 5, 71]) own.add(at * slot)
    expect(own.count).toBe(3)
    own.add(72 * slot)
    expect(own.count).toBe(3)
    own.forgetBefore(500 * slot)
    expect(own.count).toBe(0)
  })

  it('leaves out what is a day late', () => {
    const own = new ActivityBits()
    own.add(200 * slot)
    own.add(128 * slot)
    expect(own.count).toBe(1)
    own.add(129 * slot)
    expect(own.count).toBe(2)
  })

  it('goes on from its bytes', () => {
    const own = new ActivityBits()
    for (const at of [3, 40, 64]) own.add(at * slot)
    const writer = new ByteWriter(32)
    own.encode(writer)
    const other = ActivityBits.decode(new ByteReader(writer.finish()))
    other.add(75 * slot)
    own.add(75 * slot)
    expect(other.bits).toEqual(own.bits)
  })

  it('counts bits', () => {
    expect([0, 1, 0xffffffff, 0x80000001].map(bitCount)).toEqual([0, 1, 32, 2])
  })
})

describe('accounts in lockstep', () => {
  const random = createRandom('lockstep')
  const drawn = (count: number) => activity(Array.from({ length: count }, () => Math.floor(random.uniform() * lockstepSlots)))

  it('are those that share slots which the rhythm of the day does not explain', () => {
    const others = Array.from({ length: 40 }, () => drawn(8))
    const shared = [2, 11, 30, 31, 47, 60]
    const all = [activity(shared), activity(shared), ...others]
    const edges = lockstepEdges(all, popularityOf(all), 5.5)
    expect(isEdge(edges, 0, 1)).toBe(true)
    expect(isEdge(edges, 1, 0)).toBe(true)
  })

  it('are at most one pair in a hundred where everybody keeps to hours of their own', () => {
    const all = Array.from({ length: 120 }, () => drawn(10))
    const edges = lockstepEdges(all, popularityOf(all), 5.5)
    const pairs = edges.reduce((sum, row) => sum + row.reduce((bits, word) => bits + bitCount(word), 0), 0) / 2
    expect(pairs / ((120 * 119) / 2)).toBeLessThan(0.01)
  })

  it('are not those who are always there', () => {
    const always = activity(Array.from({ length: lockstepSlots }, (_, at) => at))
    const all = [always, always, ...Array.from({ length: 40 }, () => drawn(8))]
    expect(isEdge(lockstepEdges(all, popularityOf(all), 5.5), 0, 1)).toBe(false)
  })
})
