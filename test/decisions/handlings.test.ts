import { describe, expect, it } from 'vitest'
import type { Action } from '../../src/decisions/action.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { createDecisions, type Decisions } from '../../src/decisions/decide.ts'
import { withheld } from '../../src/delivery/routing.ts'
import { createRandom } from '../../src/sketches/random.ts'
import { day, hour, observation, plainDetector, start } from './observations.ts'

const detectors = [plainDetector('plain')]
const create = (): Decisions => createDecisions({ falseIncidentsPerDay: 1, detectors })

/** Sixty quiet subjects for a day and a half. */
function warmed(): Decisions {
  const decisions = create()
  const random = createRandom('handled')
  for (let look = 0; look < 6; look++) {
    for (let n = 0; n < 60; n++)
      decisions.process(observation({ id: `s${n}`, at: look * 6 * hour + n, score: (n % 7) / 3 + 0.3 * random.uniform() }))
  }
  return decisions
}

const attack = (decisions: Decisions, at: number, score = 9, events = 40) =>
  decisions.process(observation({ id: 'attacker', at, score, events })).alerts

let actions = 0
function act(decisions: Decisions, incident: string, at: number, what: object): Alert[] {
  return decisions.act({ id: `act_${actions++}`, incident, time: start + at, by: 'ops', note: '', ...what } as Action)
}

/** Saved and restored: nothing that follows may differ. */
function again(decisions: Decisions): Decisions {
  const other = create()
  other.restore(decisions.snapshot())
  return other
}

const opened = (alerts: readonly Alert[]) => alerts.filter(({ status }) => status === 'opened')

describe('what people do about incidents', () => {
  it('acknowledges an incident once, and every later change says so', () => {
    let decisions = warmed()
    const [alert] = attack(decisions, 1.6 * day)
    const [change, ...rest] = act(decisions, alert!.incident, 1.61 * day, { kind: 'acknowledge' })
    expect(rest).toEqual([])
    const acknowledged = { by: 'ops', time: '2026-01-06T14:38:24.000000Z' }
    expect(change).toEqual({
      ...alert,
      id: expect.stringMatching(/^alert_[0-9a-f]{24}$/),
      status: 'updated',
      // Event time has not moved; the newest change must be the newest.
      time: '2026-01-06T14:24:00.000001Z',
      handling: { change: 'acknowledged', acknowledged },
    })
    expect(change!.id).not.toBe(alert!.id)
    expect(act(decisions, alert!.incident, 1.62 * day, { kind: 'acknowledge' })).toEqual([])
    decisions = again(decisions)
    // An event that was late, but changes how the incident stands after the acknowledgement.
    expect(attack(decisions, 1.55 * day, 9.1, 90)).toMatchObject([{ time: '2026-01-06T14:24:00.000002Z', handling: { acknowledged } }])
    expect(attack(decisions, 1.65 * day, 9.1, 180)).toMatchObject([{ status: 'updated', handling: { acknowledged } }])
    expect(attack(decisions, 1.66 * day, 9.1, 400)[0]!.handling!.change).toBeUndefined()
    expect(decisions.advance(start + 3 * day)).toMatchObject([{ status: 'resolved', handling: { acknowledged } }])
    expect(attack(decisions, 3.1 * day, 9.5, 500)[0]!.handling).toBeUndefined()
  })

  it('takes a record up once, however often it stands in the log, and ignores what it does not know', () => {
    const decisions = warmed()
    const [alert] = attack(decisions, 1.6 * day)
    const action = {
      id: 'act_twice',
      incident: alert!.incident,
      time: start + 1.61 * day,
      by: 'ops',
      note: '',
      kind: 'feedback',
      verdict: 'true',
    } as const
    expect(decisions.act(action)).toHaveLength(1)
    expect(decisions.act({ ...action })).toEqual([])
    expect(again(decisions).act({ ...action })).toEqual([])
    expect(act(decisions, 'inc_unknown', 1.61 * day, { kind: 'acknowledge' })).toEqual([])
  })

  it('silences a subject: changes are recorded and told to nobody, and what was missed is told at the end', () => {
    const decisions = warmed()
    const [alert] = attack(decisions, 1.6 * day)
    const [change] = act(decisions, alert!.incident, 1.61 * day, { kind: 'silence', until: start + 1.8 * day })
    expect(change).toMatchObject({
      status: 'updated',
      handling: { change: 'silenced', silenced: { until: '2026-01-06T19:12:00.000000Z' } },
    })
    const hidden = attack(decisions, 1.65 * day, 9.1, 100)
    expect(hidden).toMatchObject([{ status: 'updated' }])
    expect([change!, hidden[0]!].map(withheld)).toEqual([true, true])
    expect(decisions.advance(start + 1.79 * day)).toEqual([])
    const told = again(decisions).advance(start + 1.81 * day)
    expect(told).toEqual(decisions.advance(start + 1.81 * day))
    expect(told).toMatchObject([
      { status: 'updated', incident: alert!.incident, window: { events: 100 }, time: '2026-01-06T19:12:00.000000Z' },
    ])
    expect(told[0]!.handling).toBeUndefined()
    expect(decisions.advance(start + 1.9 * day)).toEqual([])
  })

  it('silences the next incident about the same subject, too, until the silence is ended', () => {
    const decisions = warmed()
    const [alert] = attack(decisions, 1.6 * day)
    act(decisions, alert!.incident, 1.61 * day, { kind: 'silence', until: start + 9 * day })
    const [over] = decisions.advance(start + 3 * day)
    expect([over!.status, withheld(over!)]).toEqual(['resolved', false])
    const [next] = attack(decisions, 3.1 * day, 9.5, 500)
    expect([next!.status, withheld(next!)]).toEqual(['opened', true])
    const [ended] = act(decisions, next!.incident, 3.2 * day, { kind: 'silence', until: start })
    expect([ended!.status, withheld(ended!)]).toEqual(['updated', false])
  })

  it.each(['false', 'benign'] as const)('tests a subject at a tenth of its level for 30 days after the feedback `%s`', (verdict) => {
    /** The lowest score that opens an incident on a day. */
    const bar = (prepare: (decisions: Decisions, incident: string) => void, at: number) => {
      const decisions = warmed()
      const [alert] = attack(decisions, 1.6 * day)
      prepare(decisions, alert!.incident)
      decisions.advance(start + 4 * day)
      for (let n = 0; n < 60; n++) decisions.process(observation({ id: `s${n}`, at: at - hour + n, score: (n % 7) / 3 }))
      let score = 0
      while (opened(again(decisions).process(observation({ id: 'attacker', at, score, events: 500 })).alerts).length === 0) score += 0.05
      return score
    }
    const usual = bar(() => {}, 10 * day)
    const raised = bar((decisions, incident) => act(decisions, incident, 2 * day, { kind: 'feedback', verdict }), 10 * day)
    expect(raised).toBeGreaterThan(usual + 0.3)
    const later = bar((decisions, incident) => act(decisions, incident, 2 * day, { kind: 'feedback', verdict }), 33 * day)
    expect(later).toBeCloseTo(
      bar(() => {}, 33 * day),
      5,
    )
  })

  it('lets a false alarm teach the reference, and not a true one, whether or not the incident is over', () => {
    const learned = (verdict: string | null, over: boolean) => {
      const decisions = warmed()
      const [alert] = attack(decisions, 1.6 * day)
      if (over) decisions.advance(start + 3 * day)
      const at = over ? 3 * day : 1.7 * day
      if (verdict !== null) act(decisions, alert!.incident, at, { kind: 'feedback', verdict })
      decisions.process(observation({ id: 'attacker', at: at + hour, score: 0.5 }))
      return decisions.status()[0]!.subjects - 60
    }
    expect([null, 'true', 'benign', 'false'].map((verdict) => learned(verdict, false))).toEqual([0, 0, 0, 1])
    expect([null, 'true', 'benign', 'false'].map((verdict) => learned(verdict, true))).toEqual([1, 0, 1, 1])
  })
})
