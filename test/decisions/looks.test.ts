import { describe, expect, it } from 'vitest'
import { createDecisions } from '../../src/decisions/decide.ts'
import { createRandom } from '../../src/sketches/random.ts'
import { day, observation, plainDetector } from './observations.ts'

const perLook = { ...plainDetector('points'), category: 'signal' as const, perLook: true }
const minute = 60e6

function point(series: string, at: number, pValue: number | null) {
  return observation({
    id: series,
    at,
    score: pValue === null ? 0 : -Math.log(pValue),
    pValue,
    detector: 'points',
    category: 'signal',
    subject: { kind: 'series', id: series },
    population: `production/service/${series}`,
    traceId: null,
    quietMicros: 60 * minute,
  })
}

describe('looks with p-values of their own', () => {
  it('passes scores and p-values through as they are', () => {
    const decisions = createDecisions({ falseIncidentsPerDay: 1, detectors: [perLook] })
    expect(decisions.process(point('a', 0, 0.3))).toEqual({ score: -Math.log(0.3), pValue: 0.3, alerts: [] })
    expect(decisions.process(point('a', minute, null))).toEqual({ score: 0, pValue: null, alerts: [] })
  })

  it('keeps the budget over many series that are looked at every minute', () => {
    const random = createRandom('looks')
    const decisions = createDecisions({ falseIncidentsPerDay: 20, detectors: [perLook] })
    const days = 10
    let opened = 0
    for (let at = 0; at < days * day; at += 2 * minute) {
      for (let series = 0; series < 30; series++) {
        for (const alert of decisions.process(point(`s${series}`, at, 1 - random.uniform())).alerts) if (alert.status === 'opened') opened++
      }
    }
    // 30 series with at most a tenth of an incident a day each, over ten days; five standard deviations of a Poisson count.
    expect(opened).toBeGreaterThan(5)
    expect(opened).toBeLessThanOrEqual(30 + 5 * Math.sqrt(30))
  })

  it('opens one incident for a run of strange points, resolves it when they are over, and opens another for the next', () => {
    const decisions = createDecisions({ falseIncidentsPerDay: 1, detectors: [perLook] })
    const told: string[] = []
    for (let step = 0; step < 600; step++) {
      const strange = (step >= 300 && step < 310) || (step >= 500 && step < 510)
      for (const { status, time } of decisions.process(point('a', step * minute, strange ? 1e-9 : 0.4)).alerts)
        told.push(`${status} ${time}`)
    }
    expect(told.map((line) => line.split(' ')[0]).filter((status) => status !== 'updated')).toEqual([
      'opened',
      'resolved',
      'opened',
      'resolved',
    ])
  })

  it('goes on from a snapshot as if nothing had happened', () => {
    const run = (restart: boolean) => {
      let decisions = createDecisions({ falseIncidentsPerDay: 1, detectors: [perLook] })
      return Array.from({ length: 400 }, (_, step) => {
        if (restart && step % 37 === 0) {
          const bytes = decisions.snapshot()
          decisions = createDecisions({ falseIncidentsPerDay: 1, detectors: [perLook] })
          decisions.restore(bytes)
        }
        return decisions.process({ ...point('a', step * minute, step % 150 > 140 ? 1e-8 : 0.2), ref: `${step}` })
      })
    }
    expect(run(true)).toEqual(run(false))
  })
})
