import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDecisions } from '../../src/decisions/decide.ts'
import type { Observation } from '../../src/detection/observation.ts'
import { createRandom } from '../../src/sketches/random.ts'
import { day, hour, observation, plainDetector } from './observations.ts'

const subjects = 200

interface Traffic {
  readonly seed: number
  /** Share of a score's variance that all subjects have in common that day. */
  readonly common: number
  /** Change of the mean over the whole run, in standard deviations. */
  readonly drift: number
  /** Chance that a subject bursts on a day: twenty looks within an hour, each above the last. */
  readonly bursts: number
}

/** Benign scores of `days` days: subjects differ, days move all of them, the mean drifts, and some subjects speak in bursts. */
function benign({ seed, common, drift, bursts }: Traffic, days: number): Observation[] {
  const random = createRandom(`long run ${seed}`)
  const levels = Array.from({ length: subjects }, random.normal)
  const all: Observation[] = []
  for (let today = 0; today < days; today++) {
    const shared = Math.sqrt(common) * random.normal() + (drift * today) / days
    levels.forEach((level, subject) => {
      const own = level + shared + Math.sqrt(1 - common) * 0.5 * random.normal()
      const from = 22 * random.uniform() * hour
      const looks = random.uniform() < bursts ? 20 : 3
      for (let look = 0; look < looks; look++) {
        const at = today * day + from + (look / looks) * hour
        all.push(observation({ id: `s${subject}`, at, score: own - 0.5 + (0.5 * (look + 1)) / looks, events: look + 1 }))
      }
    })
  }
  return all.sort((a, b) => a.time - b.time)
}

describe('decisions over weeks', () => {
  it('keeps the budget on benign scores that depend on each other, burst and drift', () => {
    const days = 10
    const perDay = 2
    let runs = 0
    let opened = 0
    const traffic = fc.record({
      seed: fc.nat(),
      common: fc.double({ min: 0, max: 0.5, noNaN: true }),
      drift: fc.double({ min: -1, max: 1, noNaN: true }),
      bursts: fc.double({ min: 0, max: 0.5, noNaN: true }),
    })
    fc.assert(
      fc.property(traffic, (drawn) => {
        const decisions = createDecisions({ falseIncidentsPerDay: perDay, detectors: [plainDetector('plain')] })
        for (const one of benign(drawn, days)) {
          opened += decisions.process(one).alerts.filter(({ status }) => status === 'opened').length
        }
        runs++
      }),
      { numRuns: 12, seed: 5, endOnFailure: true },
    )
    // The budget is a mean, so it is the mean over runs that is held to it.
    expect(opened / (runs * (days - 1))).toBeLessThanOrEqual(perDay)
  })

  it('finds a real shift within the looks that it takes to grow to eight standard deviations of the others', () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0.25, max: 2, noNaN: true }), (seed, step) => {
        const decisions = createDecisions({ falseIncidentsPerDay: 1, detectors: [plainDetector('plain')] })
        for (const one of benign({ seed, common: 0, drift: 0, bursts: 0 }, 2)) decisions.process(one)
        const bound = Math.ceil((8 * Math.sqrt(1.25)) / step)
        let looks = 0
        let found = false
        while (!found && looks < bound) {
          looks++
          const alerts = decisions.process(
            observation({ id: 'attacker', at: 2 * day + looks * 60e6, score: looks * step, events: looks }),
          ).alerts
          found = alerts.some(({ status, subject }) => status === 'opened' && subject.id === 'attacker')
        }
        expect(found).toBe(true)
      }),
      { numRuns: 12, seed: 6 },
    )
  })
})
