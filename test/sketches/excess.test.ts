import { describe, expect, it } from 'vitest'
import { Cohort, type CohortMember } from '../../src/sketches/cohort.ts'
import { ExcessProcess } from '../../src/sketches/excess.ts'
import { createRandom, type Random } from '../../src/sketches/random.ts'

describe('ExcessProcess', () => {
  it('reaches 1 / a with a chance of at most a, though it is looked at after every p-value', () => {
    const random = createRandom('excess')
    const streams = 1500
    const reached = { 0.2: 0, 0.05: 0, 0.01: 0 }
    for (let stream = 0; stream < streams; stream++) {
      const excess = new ExcessProcess()
      for (let i = 0; i < 400; i++) excess.add(random.uniform(), 1)
      for (const level of [0.2, 0.05, 0.01] as const) if (excess.pValue <= level) reached[level]++
    }
    for (const level of [0.2, 0.05, 0.01] as const) {
      expect(reached[level]).toBeLessThanOrEqual(level * streams + 3 * Math.sqrt(level * streams))
    }
    expect(reached[0.2]).toBeGreaterThan(0)
  })

  it('sees a rise that begins late, and says no more when it is over', () => {
    const random = createRandom('rise')
    const excess = new ExcessProcess()
    for (let i = 0; i < 1000; i++) excess.add(random.uniform(), 1.25)
    expect(excess.pValue).toBeGreaterThan(0.01)
    for (let i = 0; i < 40; i++) excess.add(random.uniform() < 0.4 ? 0.003 * random.uniform() : random.uniform(), 1.25)
    const after = excess.pValue
    expect(after).toBeLessThan(1e-4)
    for (let i = 0; i < 300; i++) excess.add(random.uniform(), 1.25)
    expect(excess.pValue).toBe(after)
  })

  it('allows what its tolerance says', () => {
    const random = createRandom('tolerance')
    const tolerant = new ExcessProcess()
    const strict = new ExcessProcess()
    for (let i = 0; i < 3000; i++) {
      const pValue = random.uniform() / 1.45
      tolerant.add(pValue, 1.5)
      strict.add(pValue, 1)
    }
    expect(tolerant.pValue).toBeGreaterThan(0.01)
    expect(strict.pValue).toBeLessThan(1e-6)
  })

  it('stays finite however strange everything is', () => {
    const excess = new ExcessProcess()
    for (let i = 0; i < 20_000; i++) excess.add(1e-300, 1)
    expect(excess.pValue).toBeGreaterThan(0)
  })
})

describe('Cohort', () => {
  const dimensions = 12
  /** Smallest p-value of each member. `call` draws a vector and p-values. */
  const runs = (
    members: number,
    calls: number,
    call: (member: number, random: Random) => { vector: number[]; p: number[] },
    seed: string,
  ) => {
    const random = createRandom(seed)
    const cohort = new Cohort(dimensions, 2)
    const all: CohortMember[] = Array.from({ length: members }, () => cohort.newMember())
    const least = new Array<number>(members).fill(1)
    for (let i = 0; i < members * calls; i++) {
      const which = random.uint32() % members
      const { vector, p } = call(which, random)
      cohort.add(all[which]!, Float64Array.from(vector), Float64Array.from(p))
      if (i % 256 === 0) cohort.refresh(all)
      const look = cohort.look(all[which]!)
      if (look !== null) least[which] = Math.min(least[which]!, look.pValue)
    }
    return least
  }
  const plain = (random: Random): number[] => Array.from({ length: dimensions }, () => random.normal())

  it('rarely names a member like all others, and not many more where members differ by nature', () => {
    const alike: number[] = []
    const topical: number[] = []
    for (let stream = 0; stream < 15; stream++) {
      alike.push(...runs(60, 60, (_, random) => ({ vector: plain(random), p: [random.uniform(), random.uniform()] }), `alike/${stream}`))
      const habits = Array.from({ length: 60 }, (_, i) => plain(createRandom(`habit/${stream}/${i}`)))
      topical.push(
        ...runs(
          60,
          60,
          (member, random) => ({
            vector: plain(random).map((x, i) => x + 0.4 * habits[member]![i]!),
            p: [random.uniform(), random.uniform()],
          }),
          `topical/${stream}`,
        ),
      )
    }
    expect(alike.length).toBe(900)
    for (const level of [0.05, 0.01]) {
      expect(alike.filter((pValue) => pValue <= level).length).toBeLessThanOrEqual(level * 900)
      expect(topical.filter((pValue) => pValue <= level).length).toBeLessThanOrEqual(2 * level * 900)
    }
  })

  it('finds who points one way, and who is a little strange all the time, though no single call is', () => {
    const found = runs(
      60,
      80,
      (member, random) => ({
        vector: plain(random).map((x, i) => x + (member === 7 && i < 3 ? 0.6 : 0)),
        p: [random.uniform() ** (member === 9 ? 2 : 1), random.uniform()],
      }),
      'found',
    )
    expect(found[7]).toBeLessThan(1e-3)
    expect(found[9]).toBeLessThan(1e-3)
    expect(found.filter((pValue) => pValue < 1e-3).length).toBe(2)
  })

  it('says nothing of a handful of members', () => {
    expect(runs(6, 100, (member, random) => ({ vector: plain(random).map((x) => x + member), p: [0.01, 0.01] }), 'few')).toEqual([
      1, 1, 1, 1, 1, 1,
    ])
  })
})
