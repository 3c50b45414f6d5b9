import { describe, expect, it } from 'vitest'
import type { Alert } from '../../src/decisions/alert.ts'
import { createDecisions, type Decisions } from '../../src/decisions/decide.ts'
import { techniqueNames } from '../../src/decisions/tags.ts'
import type { Observation } from '../../src/detection/observation.ts'
import { createRandom } from '../../src/sketches/random.ts'
import { day, hour, observation, plainDetector, start } from './observations.ts'

const detectors = [plainDetector('plain')]

function decisionsOf(perDay = 1): Decisions {
  return createDecisions({ falseIncidentsPerDay: perDay, detectors })
}

/** Benign subjects with log-normal effects, each looked at several times a day. */
function benignDays(days: number, subjects: number, seed: string): Observation[] {
  const random = createRandom(seed)
  const all: Observation[] = []
  const levels = Array.from({ length: subjects }, random.normal)
  for (let today = 0; today < days; today++) {
    levels.forEach((level, subject) => {
      let score = Number.NEGATIVE_INFINITY
      for (let look = 0; look < 4; look++) {
        score = Math.max(score, level + 0.5 * random.normal())
        all.push(
          observation({ id: `s${subject}`, at: today * day + (look * 5 + 4 * random.uniform()) * hour, score, events: 10 * (look + 1) }),
        )
      }
    })
  }
  return all.sort((a, b) => a.time - b.time)
}

function run(decisions: Decisions, observations: readonly Observation[]): Alert[] {
  return observations.flatMap((one) => decisions.process(one).alerts)
}

/** Ninety quiet subjects for a day and a half, then whatever is given. */
function warmed(): Decisions {
  const decisions = decisionsOf()
  run(
    decisions,
    benignDays(2, 90, 'warm').filter((one) => one.time < start + 1.5 * day),
  )
  return decisions
}

const attack = (at: number, score: number, events: number) => observation({ id: 'attacker', at, score, events })

describe('decide', () => {
  it('gives no p-value and no alert in warm-up, and says what is missing', () => {
    const decisions = decisionsOf()
    for (let subject = 0; subject < 20; subject++) {
      expect(decisions.process(observation({ id: `s${subject}`, at: subject, score: subject === 19 ? 50 : 0 })).pValue).toBeNull()
    }
    expect(decisions.status()).toEqual([expect.objectContaining({ detector: 'plain', subjects: 20, lacks: '11 more subjects' })])
    for (let subject = 20; subject < 60; subject++) decisions.process(observation({ id: `s${subject}`, at: subject, score: 0 }))
    expect(decisions.process(observation({ id: 's3', at: hour, score: 50 })).pValue).toBeNull()
    expect(decisions.status()[0].lacks).toContain('history until 2026-01-06')
  })

  it('keeps the budget on benign subjects who are looked at again and again', () => {
    for (const [perDay, seed] of [
      [1, 'one'],
      [5, 'five'],
    ] as const) {
      const opened = run(decisionsOf(perDay), benignDays(30, 300, seed)).filter((alert) => alert.status === 'opened')
      expect(opened.length / 29).toBeLessThanOrEqual(perDay)
    }
  })

  it('opens one incident for a subject that is far out, with what a reader can check', () => {
    const decisions = warmed()
    const alerts = run(decisions, [attack(1.6 * day, 1, 10), attack(1.61 * day, 9, 40), attack(1.62 * day, 9.2, 50)])
    expect(alerts).toHaveLength(1)
    const [alert] = alerts
    expect(alert).toMatchObject({
      status: 'opened',
      detector: 'plain',
      detectors: ['plain'],
      category: 'extraction',
      title: 'principal attacker does something',
      subject: { kind: 'principal', id: 'attacker' },
      members: [{ kind: 'principal', id: 'attacker' }],
      window: { start: '2026-01-06T14:38:24.000000Z', events: 40 },
      score: 9,
    })
    expect(Object.keys(alert)).toEqual(
      'id incident status time opened detector detectors category severity title subject members model service environment run window score threshold pValue evidence tags'.split(
        ' ',
      ),
    )
    expect(alert.pValue!).toBeLessThan(0.005)
    expect(alert.threshold!).toBeLessThan(9)
    const evidence = alert.evidence as {
      detectors: { seen: number; expected: { median: number; alertAbove: number }; reference: object }[]
      calls: object[]
    }
    expect(evidence.detectors[0].seen).toBeCloseTo(Math.exp(9), -2)
    expect(evidence.detectors[0].expected.median).toBeLessThan(evidence.detectors[0].expected.alertAbove)
    expect(evidence.detectors[0].reference).toMatchObject({ subjects: 90, population: 'production/model/principals' })
    // The first look was nothing strange.
    expect(evidence.calls).toHaveLength(1)
    for (const id of [...alert.tags.atlas, ...alert.tags.owasp]) expect(techniqueNames).toHaveProperty([id])
  })

  it('updates when the evidence doubles, not at every look, and resolves after a quiet day', () => {
    const decisions = warmed()
    const opened = run(decisions, [attack(1.6 * day, 9, 40)])
    expect(run(decisions, [attack(1.65 * day, 9.1, 60), attack(1.7 * day, 9.1, 79)])).toEqual([])
    const updated = run(decisions, [attack(1.75 * day, 9.1, 80)])
    expect(updated).toMatchObject([{ status: 'updated', incident: opened[0].incident, opened: opened[0].opened }])
    expect(decisions.advance(start + 2.7 * day)).toEqual([])
    expect(decisions.advance(start + 2.8 * day)).toMatchObject([{ status: 'resolved', incident: opened[0].incident }])
    expect(decisions.advance(start + 2.9 * day)).toEqual([])
    const again = run(decisions, [attack(3 * day, 9.5, 200)])
    expect(again).toMatchObject([{ status: 'opened' }])
    expect(again[0].incident).not.toBe(opened[0].incident)
    expect(new Set([...opened, ...updated, ...again].map((alert) => alert.id)).size).toBe(3)
  })

  it('does not let an attacker who was found become the norm for the next', () => {
    const decisions = warmed()
    run(decisions, [attack(1.6 * day, 9, 40)])
    const before = decisions.status()[0].subjects
    run(decisions, [attack(1.61 * day, 9.5, 50)])
    expect(decisions.status()[0].subjects).toBe(before)
    expect(run(decisions, [observation({ id: 'second', at: 1.62 * day, score: 8 })])).toMatchObject([{ status: 'opened' }])
  })

  it('gives the same alerts, ids and all, for the same observations', () => {
    const observations = [...benignDays(2, 90, 'same'), attack(2.1 * day, 9, 10), attack(2.2 * day, 12, 30)]
    expect(JSON.stringify(run(decisionsOf(), observations))).toBe(JSON.stringify(run(decisionsOf(), observations)))
  })

  it('lets no sure but tiny effect open an incident', () => {
    const floor = [{ ...plainDetector('plain'), effectFloor: 20 }]
    const decisions = createDecisions({ falseIncidentsPerDay: 1, detectors: floor })
    expect(run(decisions, [...benignDays(2, 90, 'floor'), attack(2.1 * day, 15, 10)])).toEqual([])
  })

  it('asks for the effect that the configuration wants of a category, in looks with p-values of their own as well', () => {
    const opened = (score: number, leastEffect: object) => {
      const looks = { ...plainDetector('looks'), effectFloor: Math.log(10), perLook: true }
      const decisions = createDecisions({
        falseIncidentsPerDay: 1,
        detectors: [{ ...detectors[0]!, effectFloor: Math.log(10) }, looks],
        leastEffect,
      })
      const ranked = run(decisions, [
        ...benignDays(2, 90, 'effect').map((one) => ({ ...one, score: one.score / 10 })),
        attack(2.1 * day, score, 10),
      ])
      const own = run(decisions, [{ ...attack(2.2 * day, score, 10), detector: 'looks', pValue: 1e-9, population: 'own', model: 'other' }])
      return [ranked.length, own.length]
    }
    expect(opened(Math.log(25), {})).toEqual([1, 1])
    expect(opened(Math.log(25), { extraction: 2 })).toEqual([1, 1])
    expect(opened(Math.log(25), { extraction: 3, poisoning: 1 })).toEqual([0, 0])
    expect(opened(Math.log(25), { poisoning: 3 })).toEqual([1, 1])
    expect(opened(Math.log(7), {})).toEqual([0, 0])
    expect(opened(Math.log(7), { extraction: 0.5 })).toEqual([1, 1])
  })

  it('fuses the detectors of a category: weak signs add up to one incident', () => {
    const pair = [plainDetector('plain'), plainDetector('other')]
    const both = benignDays(2, 200, 'pair').flatMap((one) => [one, { ...one, detector: 'other', score: -one.score }])
    const opened = (scores: Readonly<Record<string, number>>): Alert[] => {
      const decisions = createDecisions({ falseIncidentsPerDay: 1, detectors: pair })
      run(decisions, both)
      return Object.entries(scores).flatMap(([detector, score]) => run(decisions, [{ ...attack(2.1 * day, score, 10), detector }]))
    }
    const scores = Array.from({ length: 40 }, (_, step) => 2 + 0.1 * step)
    const enough = scores.find((score) => opened({ plain: score }).length > 0)!
    expect(enough).toBeGreaterThan(2)
    const weak = enough - 0.1
    expect(opened({ plain: weak })).toEqual([])
    expect(opened({ plain: weak, other: weak })).toMatchObject([{ status: 'opened', detectors: ['other', 'plain'] }])
  })
})
