import { describe, expect, it } from 'vitest'
import { inStep, logChance, logSets, ringAmong, ringsOf, shareOf } from '../../src/sketches/rings.ts'

/** Accounts of which some pairs are in lockstep, all active in the same slots. */
function graph(accounts: number, pairs: readonly (readonly [number, number])[]) {
  const edges = Array.from({ length: accounts }, () => new Uint32Array(Math.ceil(accounts / 32)))
  for (const [one, other] of pairs) {
    edges[one][other >>> 5] |= 1 << (other & 31)
    edges[other][one >>> 5] |= 1 << (one & 31)
  }
  const bits = Array.from({ length: accounts }, () => Uint32Array.of(0b1111_0000, 0, 0))
  return { edges, bits }
}

const clique = (members: readonly number[]) => members.flatMap((one, at) => members.slice(0, at).map((other) => [one, other] as const))
const all = (accounts: number) => Array.from({ length: accounts }, (_, at) => at)

describe('rings of a graph', () => {
  it('are its cliques, the larger one first, and what is outside gives the chance', () => {
    const { edges, bits } = graph(60, [...clique([1, 3, 40, 50, 59]), ...clique([10, 11, 12, 13]), [20, 21]])
    const { rings, chance } = ringsOf(edges, bits, all(60))
    expect(rings.map(({ members }) => [...members].sort((a, b) => a - b))).toEqual([
      [1, 3, 40, 50, 59],
      [10, 11, 12, 13],
    ])
    expect(rings[0]).toMatchObject({ edges: 10, pairs: 10 })
    expect(chance).toBeCloseTo(1 / ((51 * 50) / 2))
  })

  it('do not need every pair, and leave out who is with few of them', () => {
    const most = clique([0, 1, 2, 3, 4, 5, 6, 7]).filter(([one, other]) => (one + other) % 5 !== 0)
    const { edges, bits } = graph(40, [...most, [8, 0], [8, 1]])
    const [ring] = ringsOf(edges, bits, all(40)).rings
    expect(ring.members).not.toContain(8)
    expect(ring.members.length).toBeGreaterThanOrEqual(6)
  })

  it('are looked for among the accounts that are asked about only', () => {
    const { edges, bits } = graph(40, clique([0, 1, 2, 3, 4]))
    expect(ringsOf(edges, bits, all(40).slice(2)).rings).toEqual([])
  })

  it('of a group that was named beforehand, keep who is in step', () => {
    const { edges } = graph(40, clique([0, 1, 2, 3, 4]))
    const group = ringAmong(edges, [0, 1, 2, 3, 4, 30])
    expect(group).toMatchObject({ edges: 10, pairs: 15 })
    expect(inStep(edges, group).members).toEqual([0, 1, 2, 3, 4])
    expect(shareOf(edges, 30, group.members)).toBe(0)
  })

  it('are the less likely the larger and the denser they are, and no surprise where their pairs are as usual', () => {
    const ring = (edges: number, pairs: number) => logChance({ members: [], edges, pairs }, 0.05)
    expect(ring(1, 20)).toBe(0)
    expect(ring(8, 10)).toBeLessThan(ring(6, 10))
    expect(ring(40, 45)).toBeLessThan(ring(9, 10))
    expect(logSets(10, 3)).toBeCloseTo(Math.log(120))
  })
})
