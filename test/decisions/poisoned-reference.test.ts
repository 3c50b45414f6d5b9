import { describe, expect, it } from 'vitest'
import { createDecisions, type Decisions } from '../../src/decisions/decide.ts'
import { createRandom } from '../../src/sketches/random.ts'
import { day, hour, observation, plainDetector } from './observations.ts'

const people = 200

/** One day of people whose scores are normal, and of attackers, whose scores are given in standard deviations; who was found on it. */
function aDay(decisions: Decisions, today: number, attackers: ReadonlyMap<string, number>): Set<string> {
  const random = createRandom(`poisoned ${today}`)
  const looks = [
    ...Array.from({ length: people }, (_, person) => ({
      id: `s${person}`,
      at: 20 * random.uniform(),
      score: personal[person]! + 0.3 * random.normal(),
    })),
    ...[...attackers].map(([id, score]) => ({ id, at: 20 * random.uniform(), score })),
  ].sort((a, b) => a.at - b.at)
  const found = new Set<string>()
  for (const { id, at, score } of looks) {
    for (const { status, members } of decisions.process(observation({ id, at: today * day + at * hour, score })).alerts)
      if (status === 'opened') for (const member of members) found.add(member.id)
  }
  return found
}

const draws = createRandom('people')
const personal = Array.from({ length: people }, draws.normal)
const create = (): Decisions => createDecisions({ falseIncidentsPerDay: 1, detectors: [plainDetector('plain')] })
const gang = (count: number, score: number): Map<string, number> =>
  new Map(Array.from({ length: count }, (_, n) => [`attacker${n}`, score] as const))

describe('a reference that attackers try to teach', () => {
  it('does not take the one who was there from the first day for the norm: found at the first look that is judged', () => {
    const decisions = create()
    expect(aDay(decisions, 0, gang(1, 5))).toEqual(new Set())
    expect(aDay(decisions, 1, gang(1, 5))).toEqual(new Set(['attacker0']))
  })

  // They are 4 % of the population; by ranks alone the last of them would be one of nine, p = 0.04.
  it('does not take eight of 208 who were there from the first day for the norm: all are found on the first day that is judged', () => {
    const decisions = create()
    aDay(decisions, 0, gang(8, 7))
    const found = aDay(decisions, 1, gang(8, 7))
    expect([...found].sort()).toEqual([...gang(8, 7).keys()])
  })

  it.each([
    [1, 4],
    [5, 4.5],
    [14, 5.5],
    [30, 9],
  ])('moves no farther than is stated: %d accounts that creep up by a fifth of a deviation a day are found before %d', (count, most) => {
    const decisions = create()
    let score = 0
    let found = new Set<string>()
    for (let today = 0; found.size === 0 && score < 20; today++) {
      found = new Set([...aDay(decisions, today, gang(count, score))].filter((id) => id.startsWith('attacker')))
      score += 0.2
    }
    expect(score).toBeLessThan(most)
  })
})
