import { serialize } from 'node:v8'
import { describe, expect, it } from 'vitest'
import type { Alert } from '../../src/decisions/alert.ts'
import { createDecisions, type Decisions } from '../../src/decisions/decide.ts'
import { Incidents } from '../../src/decisions/incidents.ts'
import { matterOf } from '../../src/decisions/matter.ts'
import type { Observation } from '../../src/detection/observation.ts'
import { createRandom } from '../../src/sketches/random.ts'
import { day, hour, observation, plainDetector, standingAt, start } from './observations.ts'

const minute = 60e6
const looks = { ...plainDetector('looks'), perLook: true }
const create = (): Decisions => createDecisions({ falseIncidentsPerDay: 1, detectors: [plainDetector('plain'), looks] })

/** A thousand quiet subjects for a day and a half. */
function warmed(): Decisions {
  const decisions = create()
  const random = createRandom('flood')
  for (let look = 0; look < 6; look++) {
    for (let n = 0; n < 1000; n++) decisions.process(observation({ id: `s${n}`, at: look * 6 * hour + n, score: random.normal() }))
  }
  return decisions
}

/** `count` subjects that do the same, a second apart. */
function crowd(count: number, at: number, score = 12): Observation[] {
  return Array.from({ length: count }, (_, n) => observation({ id: `u${n}`, at: at + n * 1e6, score, events: 20 }))
}

/** The same through a detector whose looks have p-values of their own. */
function strangeLooks(count: number, at: number, pValue = 1e-9): Observation[] {
  return Array.from({ length: count }, (_, n) =>
    observation({ id: `u${n}`, at: at + n * 1e6, score: 20, events: 20, pValue, detector: 'looks', population: `production/model/u${n}` }),
  )
}

const run = (decisions: Decisions, observations: readonly Observation[]): Alert[] =>
  observations.flatMap((one) => decisions.process(one).alerts)
const opened = (alerts: readonly Alert[]) => alerts.filter(({ status }) => status === 'opened')
const ofFleet = (alerts: readonly Alert[]) => alerts.filter(({ subject }) => subject.kind === 'fleet')
const floodIn = (alert: Alert) => alert.evidence.flood as Readonly<Record<'members' | 'named' | 'singles', number>>

describe.each([
  ['subjects that are ranked', crowd],
  ['looks with p-values of their own', strangeLooks],
])('a flood of %s', (_, flood) => {
  const at = 1.6 * day

  it('is five single incidents and one that names a hundred of the others and counts all', () => {
    const decisions = warmed()
    const alerts = run(decisions, flood(500, at))
    expect(opened(alerts).map(({ subject }) => subject)).toEqual([
      ...[0, 1, 2, 3, 4].map((n) => ({ kind: 'principal', id: `u${n}` })),
      { kind: 'fleet', id: 'model' },
    ])
    // 6 openings, 12, 24 ... 384 of the 500.
    expect(ofFleet(alerts).map((alert) => 5 + floodIn(alert).members)).toEqual([6, 12, 24, 48, 96, 192, 384])
    const [first] = ofFleet(alerts)
    expect(first).toMatchObject({ status: 'opened', category: 'extraction', model: 'model', environment: 'production' })
    expect(first!.related).toHaveLength(5)

    const later = decisions.advance(start + at + hour + 500e6)
    expect(later.map(({ status }) => status)).toEqual(['updated'])
    expect(floodIn(later[0]!)).toMatchObject({ members: 495, named: 100, singles: 5 })
    expect(later[0]!.members).toHaveLength(101)
    expect(later[0]!.title).toBe('Flood at model model: 500 subjects at once, 5 of them with incidents of their own')
    expect(later[0]!.window.events).toBe(495 * 20)
    expect(decisions.advance(start + at + 2 * hour)).toEqual([])
  })

  it('tells a growth that does not double after a minute at first, and seldom later', () => {
    const decisions = warmed()
    const all = flood(90, at)
    run(decisions, all.slice(0, 8))
    expect(ofFleet(decisions.advance(start + at + 5e6 + minute)).map((alert) => floodIn(alert).members)).toEqual([3])
    // One more every four minutes: still a flood.
    const times: number[] = []
    for (const [n, one] of all.slice(8).entries()) {
      const time = start + at + (2 + 4 * n) * minute
      const { alerts } = decisions.process({ ...one, time, firstSeen: time, lastSeen: time })
      if (ofFleet(alerts).length > 0) times.push((time - start - at) / minute)
    }
    expect(times.length).toBeGreaterThan(5)
    expect(times.length).toBeLessThan(14)
    expect(times.at(-1)! - times.at(-2)!).toBeGreaterThanOrEqual(60)
  })

  it('is over when all have been quiet for a day, and the next one is another', () => {
    const decisions = warmed()
    const alerts = run(decisions, flood(10, at))
    const fleet = ofFleet(alerts)[0]!.incident
    const end = decisions.advance(start + at + day + minute)
    expect(ofFleet(end)).toMatchObject([{ status: 'resolved', incident: fleet, evidence: { flood: { members: 5 } } }])
    expect(end.filter(({ status }) => status === 'resolved')).toHaveLength(6)
    const again = run(decisions, flood(10, at + 2 * day))
    expect(opened(again)).toHaveLength(6)
    expect(ofFleet(again)[0]!.incident).not.toBe(fleet)
  })

  it('is told the same from a snapshot in its middle, and byte for byte the same each time', () => {
    const observations = [...flood(40, at), ...flood(40, at + 2 * hour), ...flood(40, at + 1.5 * day)]
    const told = (restart: boolean) => {
      let decisions = warmed()
      return observations
        .flatMap((one, n) => {
          if (restart && n % 7 === 6) {
            const bytes = decisions.snapshot()
            decisions = create()
            decisions.restore(bytes)
          }
          return decisions.process(one).alerts
        })
        .concat(decisions.advance(start + 9 * day))
        .map((alert) => JSON.stringify(alert))
    }
    const undisturbed = told(false)
    expect(undisturbed.filter((text) => text.includes('"kind":"fleet"')).length).toBeGreaterThan(6)
    expect(told(true)).toEqual(undisturbed)
    expect(told(false)).toEqual(undisturbed)
  })

  it('is tested like its subjects one by one: the same p-values, the same budget', () => {
    const judged = (observations: readonly Observation[]) => {
      const decisions = warmed()
      return [observations.map((one) => decisions.process(one).pValue), decisions.budget().spent]
    }
    const apart = flood(50, at).map((one, n) => ({ ...one, environment: `other-${n}` }))
    expect(judged(flood(50, at))).toEqual(judged(apart))
  })
})

describe('a flood', () => {
  it('keeps a subject apart that stands out far more than it, at once or later', () => {
    const decisions = warmed()
    const at = 1.6 * day
    const alerts = run(decisions, strangeLooks(20, at))
    const fleet = ofFleet(alerts)[0]!.incident
    const [atOnce] = run(decisions, [{ ...strangeLooks(31, at + minute, 1e-14)[30]! }])
    expect(atOnce).toMatchObject({ status: 'opened', subject: { id: 'u30' }, severity: 'critical' })
    expect(atOnce!.related).toContainEqual({ incident: fleet, subject: { kind: 'fleet', id: 'model' } })
    // A member, now by far the strongest; what is not stronger than those before it stays a member.
    expect(run(decisions, [strangeLooks(11, at + 2 * minute, 1e-15)[10]!])).toEqual([])
    const [later] = opened(run(decisions, [strangeLooks(11, at + 3 * minute, 1e-20)[10]!]))
    expect(later).toMatchObject({ status: 'opened', subject: { id: 'u10' } })
    expect(run(decisions, [strangeLooks(11, at + 4 * minute, 1e-22)[10]!])).toEqual([])
  })

  it('is counted for each category, environment and model by itself', () => {
    const decisions = warmed()
    const alerts = run(
      decisions,
      strangeLooks(20, 1.6 * day).map((one, n) => ({ ...one, model: `model-${n % 4}` })),
    )
    expect(opened(alerts)).toHaveLength(20)
    expect(ofFleet(alerts)).toEqual([])
  })

  it('is no flood when the openings come over hours', () => {
    const decisions = warmed()
    const spread = strangeLooks(30, 1.6 * day).map((one, n) => ({ ...one, time: one.time + n * 13 * minute }))
    expect(opened(run(decisions, spread))).toHaveLength(30)
  })

  it('does not let its members teach what is normal, nor opens for one that it has', () => {
    const decisions = warmed()
    run(decisions, crowd(50, 1.6 * day))
    const before = decisions.status()[0]!.subjects
    expect(opened(run(decisions, crowd(50, 1.65 * day)))).toEqual([])
    expect(decisions.status()[0]!.subjects).toBe(before)
  })

  it('holds no more of a hundred thousand subjects than of ten thousand', () => {
    const size = (subjects: number): { bytes: number; members: number } => {
      const incidents = new Incidents()
      let last: Alert | null = null
      for (let n = 0; n < subjects; n++) {
        const time = start + n * 1000
        incidents.advance(time)
        const seen = observation({ id: `principal-${n}`, at: n * 1000, score: 9 })
        for (const alert of incidents.open(matterOf(seen), standingAt(time), time)) last = alert
      }
      for (const alert of incidents.advance(start + 2 * hour)) last = alert
      return { bytes: serialize(incidents.state()).length, members: floodIn(last!).members }
    }
    const ten = size(10_000)
    const hundred = size(100_000)
    expect(ten.members).toBe(9_995)
    // Estimated beyond ten thousand, with a standard error of five per cent.
    expect(hundred.members / 99_995).toBeGreaterThan(0.85)
    expect(hundred.members / 99_995).toBeLessThan(1.15)
    expect(hundred.bytes).toBeLessThan(1.05 * ten.bytes)
    expect(hundred.bytes).toBeLessThan(2_000_000)
  })
})
