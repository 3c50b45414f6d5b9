import { deserialize, serialize } from 'node:v8'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Alert } from '../../src/decisions/alert.ts'
import { Incidents, type IncidentsState } from '../../src/decisions/incidents.ts'
import { matterOf } from '../../src/decisions/matter.ts'
import { hour, observation, standingAt, start } from './observations.ts'

/** One suspicious look: at whom, how long after the one before, how late its event is, how sure, and how much is behind it. */
const look = fc.record({
  subject: fc.nat({ max: 40 }),
  model: fc.constantFrom('a', 'b'),
  after: fc.oneof({ weight: 20, arbitrary: fc.nat({ max: 2 * 60 }) }, { weight: 1, arbitrary: fc.nat({ max: 30 * 3600 }) }),
  late: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 7200 }) }),
  exponent: fc.integer({ min: 3, max: 12 }),
  events: fc.integer({ min: 1, max: 1000 }),
})
type Look = typeof look extends fc.Arbitrary<infer Each> ? Each : never

/** What is told of the looks, with the state restored before those in `restarts`, and of the quiet weeks after them. */
function told(looks: readonly Look[], restarts: ReadonlySet<number> = new Set()): Alert[] {
  let incidents = new Incidents()
  let clock = start
  const alerts: Alert[] = []
  for (const [index, { subject, model, after, late, exponent, events }] of looks.entries()) {
    if (restarts.has(index)) {
      const state = deserialize(serialize(incidents.state())) as IncidentsState
      incidents = new Incidents()
      incidents.restore(state, clock)
    }
    clock += after * 1e6 + 1
    alerts.push(...incidents.advance(clock))
    const time = clock - late * 1e6
    const matter = matterOf(observation({ id: `s${subject}`, at: time - start, score: 9, model }))
    const standing = { ...standingAt(time), pValue: 10 ** -exponent, events, model }
    alerts.push(...(incidents.of(matter) === null ? incidents.open(matter, standing, time) : incidents.grow(matter, standing, time)))
  }
  for (let days = 1; days < 9; days++) alerts.push(...incidents.advance(clock + days * 6 * hour))
  return alerts
}

describe('incidents, whatever comes in whatever order', () => {
  const looks = fc.array(look, { minLength: 1, maxLength: 150, size: 'max' })

  it('open once, change in order, and are resolved once; a subject has one at a time', () => {
    fc.assert(
      fc.property(looks, (all) => {
        const alerts = told(all)
        expect(new Set(alerts.map(({ id }) => id)).size).toBe(alerts.length)
        const open = new Map<string, string>()
        const last = new Map<string, string>()
        for (const { incident, status, time, opened, model, subject } of alerts) {
          const about = `${model} ${subject.kind} ${subject.id}`
          if (status === 'opened') {
            expect(open.has(about), 'one at a time').toBe(false)
            expect(last.has(incident), 'opened once').toBe(false)
            open.set(about, incident)
          } else expect(open.get(about), 'only what is open changes').toBe(incident)
          if (status === 'resolved') open.delete(about)
          else expect(opened <= time).toBe(true)
          expect((last.get(incident) ?? '') < time, 'in order').toBe(true)
          last.set(incident, time)
        }
        expect(open.size, 'all are resolved').toBe(0)
      }),
      { numRuns: 60, seed: 3 },
    )
  })

  it('say the same when the state is saved and restored anywhere', () => {
    fc.assert(
      fc.property(looks, fc.uniqueArray(fc.nat({ max: 150 }), { maxLength: 30 }), (all, restarts) => {
        expect(told(all, new Set(restarts))).toEqual(told(all))
      }),
      { numRuns: 40, seed: 4 },
    )
  })

  it('are single five times in an hour and place at most, unless they stand apart', () => {
    let floods = 0
    fc.assert(
      fc.property(looks, (all) => {
        // Everybody is as sure as everybody else: nobody stands apart.
        const alerts = told(all.map((one) => ({ ...one, exponent: 6, late: 0 })))
        const singles = alerts.filter(({ status, subject }) => status === 'opened' && subject.kind !== 'fleet')
        floods += alerts.filter(({ status, subject }) => status === 'opened' && subject.kind === 'fleet').length
        for (const model of ['a', 'b']) {
          const times = singles.filter((alert) => alert.model === model).map(({ opened }) => Date.parse(opened))
          for (const [index, time] of times.slice(5).entries()) expect(time - times[index]!).toBeGreaterThanOrEqual(3600e3 - 1)
        }
      }),
      { numRuns: 50, seed: 5 },
    )
    expect(floods).toBeGreaterThan(20)
  })
})
