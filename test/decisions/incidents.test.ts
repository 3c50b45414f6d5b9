import { describe, expect, it } from 'vitest'
import type { Alert } from '../../src/decisions/alert.ts'
import { createDecisions, type Decisions } from '../../src/decisions/decide.ts'
import type { CaseEvidence } from '../../src/decisions/evidence.ts'
import type { Observation } from '../../src/detection/observation.ts'
import { day, hour, observation, plainDetector, start } from './observations.ts'

const looks = { ...plainDetector('looks'), perLook: true }
const others = { ...plainDetector('other-looks'), perLook: true }
const exact = plainDetector('exact')
const create = (): Decisions => createDecisions({ falseIncidentsPerDay: 1, detectors: [looks, others, exact] })

/** A look with a p-value of its own; `exact` is fused, the others are judged look by look. */
function look(id: string, at: number, pValue: number, change: Partial<Observation> = {}): Observation {
  const detector = change.detector ?? 'looks'
  return observation({ id, at, score: -Math.log(pValue), pValue, population: `production/model/${detector}/${id}`, ...change, detector })
}

const run = (decisions: Decisions, ...all: readonly Observation[]): Alert[] => all.flatMap((one) => decisions.process(one).alerts)
const evidenceIn = (alert: Alert) => alert.evidence as CaseEvidence

describe('an incident', () => {
  it('is one for a subject and category, whichever kinds of tests find it, and grows with their evidence', () => {
    const decisions = create()
    const [opened, ...none] = run(decisions, look('a', 0, 1e-9, { ref: 'span-1' }))
    expect(none).toEqual([])
    expect(opened).toMatchObject({ status: 'opened', detectors: ['looks'], severity: 'critical' })
    const [second] = run(decisions, look('a', hour, 1e-7, { detector: 'other-looks', ref: 'span-2' }))
    const [fused] = run(decisions, look('a', 2 * hour, 1e-8, { detector: 'exact', ref: 'span-3' }))
    expect([second, fused]).toMatchObject([
      { status: 'updated', incident: opened!.incident, detectors: ['looks', 'other-looks'] },
      { status: 'updated', incident: opened!.incident, detectors: ['exact', 'looks', 'other-looks'] },
    ])
    // The strongest speaks for it; the parts of all stand in the evidence, and so do the events that made each of them speak.
    expect(fused).toMatchObject({ detector: 'looks', pValue: 1e-9, opened: opened!.opened })
    const { detectors, calls, firstSeen, lastSeen } = evidenceIn(fused!)
    expect(detectors.map(({ name, pValue }) => [name, pValue])).toEqual([
      ['looks', 1e-9],
      ['exact', 1e-8],
      ['other-looks', 1e-7],
    ])
    expect(calls.map(({ spanId, detector }) => [spanId, detector])).toEqual([
      ['span-1', 'looks'],
      ['span-2', 'other-looks'],
      ['span-3', 'exact'],
    ])
    expect([firstSeen, lastSeen]).toEqual(['2026-01-05T00:00:00.000000Z', '2026-01-05T02:00:00.000000Z'])
    const end = decisions.advance(start + 26 * hour)
    expect(end).toMatchObject([{ status: 'resolved', incident: opened!.incident, detectors: ['exact', 'looks', 'other-looks'] }])
  })

  it('escalates, and is not told again of what is weaker', () => {
    const decisions = create()
    const [opened] = run(decisions, look('a', 0, 5e-7, { detector: 'looks', events: 100 }))
    expect(opened!.severity).toBe('critical')
    const mild = run(decisions, look('b', 0, 2e-5, { detector: 'exact', events: 100 }))
    expect(mild).toMatchObject([{ status: 'opened', severity: 'high' }])
    expect(run(decisions, look('b', hour, 5e-5, { detector: 'exact', events: 120 }))).toEqual([])
    const worse = run(decisions, look('b', 2 * hour, 1e-8, { detector: 'exact', events: 130 }))
    expect(worse).toMatchObject([{ status: 'updated', severity: 'critical', incident: mild[0]!.incident }])
    const doubled = run(decisions, look('b', 3 * hour, 1e-5, { detector: 'exact', events: 260 }))
    expect(doubled).toMatchObject([{ status: 'updated', severity: 'critical', window: { events: 260 } }])
  })

  it('stays open on evidence that would not open it, and does not open on it', () => {
    const decisions = create()
    const [opened] = run(decisions, look('a', 0, 1e-6, { detector: 'exact' }))
    const { level } = evidenceIn(opened!).test
    const weak = 5 * level
    expect(run(decisions, look('b', 0, weak, { detector: 'exact' }))).toEqual([])
    // Within ten times the level: no end a day after the opening, but one a day after this.
    run(decisions, look('a', 20 * hour, weak, { detector: 'exact' }))
    expect(decisions.advance(start + 43 * hour)).toEqual([])
    expect(decisions.advance(start + 44 * hour)).toMatchObject([{ status: 'resolved' }])
    // Over: the same weak evidence does not open another one, and what the old one was about is not counted again.
    expect(run(decisions, look('a', 45 * hour, weak, { detector: 'exact' }))).toEqual([])
    const [again] = run(decisions, look('a', 46 * hour, 1e-6, { detector: 'exact', ref: 'fresh' }))
    expect(again!.incident).not.toBe(opened!.incident)
    expect(evidenceIn(again!).calls.map(({ time }) => time)[0]).toBe('2026-01-06T21:00:00.000000Z')
  })

  it('tells its changes in the order in which they came, also where an event was late', () => {
    const decisions = create()
    const alerts = run(
      decisions,
      look('a', hour, 1e-5, { detector: 'exact', events: 10 }),
      look('a', 0, 1e-5, { detector: 'exact', events: 20 }),
      look('a', 0, 1e-9, { detector: 'exact', events: 21 }),
    )
    expect(alerts.map(({ status, time, severity }) => [status, time, severity])).toEqual([
      ['opened', '2026-01-05T01:00:00.000000Z', 'high'],
      ['updated', '2026-01-05T01:00:00.000001Z', 'high'],
      ['updated', '2026-01-05T01:00:00.000002Z', 'critical'],
    ])
  })

  it('is another one in another category, environment, model or run', () => {
    const decisions = create()
    const alerts = run(
      decisions,
      look('a', 0, 1e-9),
      look('a', 1, 1e-9, { category: 'trust' }),
      look('a', 2, 1e-9, { environment: 'staging' }),
      look('a', 3, 1e-9, { model: 'other' }),
      look('a', 4, 1e-9, { run: 'run-1' }),
      look('a', 5, 1e-9, { model: null, service: 'one' }),
      look('a', 6, 1e-9, { model: null, service: 'two' }),
      look('a', 7, 1e-9, { service: 'any service of the model' }),
    )
    expect(alerts.filter(({ status }) => status === 'opened')).toHaveLength(7)
    expect(new Set(alerts.map(({ id }) => id)).size).toBe(alerts.length)
  })
})

describe('incidents refer to each other', () => {
  const ids = (alert: Alert | undefined) => alert?.related?.map(({ incident }) => incident)
  const cluster = (at: number, members: readonly string[]) =>
    look('c-1', at, 1e-9, {
      subject: { kind: 'cluster', id: 'c-1' },
      members: members.map((id) => ({ kind: 'principal', id })),
      detector: 'other-looks',
      traceId: null,
    })

  it('where one names the subject of the other: a cluster and its account, whichever comes first', () => {
    const decisions = create()
    const [account] = run(decisions, look('a', 0, 1e-9))
    const [stranger] = run(decisions, look('z', 0, 1e-9))
    const [group] = run(decisions, cluster(hour, ['a', 'b']))
    expect(group!.related).toEqual([{ incident: account!.incident, subject: { kind: 'principal', id: 'a' } }])
    const [later] = run(decisions, look('b', 2 * hour, 1e-9))
    expect(ids(later)).toEqual([group!.incident])
    expect([ids(account), ids(stranger)]).toEqual([undefined, undefined])
    const ends = new Map(decisions.advance(start + 3 * day).map((alert) => [alert.incident, ids(alert)]))
    expect(ends.get(account!.incident)).toEqual([group!.incident])
    expect(ends.get(stranger!.incident)).toBeUndefined()
    expect(ends.get(group!.incident)).toEqual([account!.incident, later!.incident].sort())
  })

  it('where a source of a run is behind what was found at the model that was trained in it', () => {
    const decisions = create()
    const source = { kind: 'source', id: 'vendor-7' } as const
    const [poisoned] = run(
      decisions,
      look('', 0, 1e-9, { subject: source, category: 'poisoning', run: 'run-9', model: null, traceId: null }),
    )
    const [triggered] = run(
      decisions,
      look('', day / 2, 1e-9, { subject: source, category: 'poisoning', members: [{ kind: 'principal', id: 'mallory' }] }),
    )
    expect(triggered!.incident).not.toBe(poisoned!.incident)
    expect(triggered!.related).toEqual([{ incident: poisoned!.incident, subject: source }])
  })

  it('where one call made both speak: a person and their key', () => {
    const decisions = create()
    const [person] = run(decisions, look('mallory', 0, 1e-9, { ref: 'span', traceId: 'trace-1' }))
    const key = look('key-1', 0, 1e-9, { subject: { kind: 'credential', id: 'key-1' }, ref: 'span', traceId: 'trace-1' })
    expect(ids(run(decisions, key)[0])).toEqual([person!.incident])
    const other = look('key-2', 0, 1e-9, { subject: { kind: 'credential', id: 'key-2' }, ref: 'span', traceId: 'trace-2' })
    expect(run(decisions, other)[0]!.related).toBeUndefined()
  })

  it('not across categories, not with one that is over, and the same from a snapshot', () => {
    const told = (restart: boolean) => {
      let decisions = create()
      const all = [
        look('a', 0, 1e-9),
        look('a', 1, 1e-9, { category: 'trust' }),
        cluster(hour, ['a', 'b']),
        look('b', 2 * hour, 1e-9),
        look('a', 60 * hour, 1e-9, { ref: 'later' }),
        cluster(61 * hour, ['q']),
        look('q', 62 * hour, 1e-9),
      ]
      return all.flatMap((one) => {
        if (restart) {
          const bytes = decisions.snapshot()
          decisions = create()
          decisions.restore(bytes)
        }
        return decisions.process({ ...one, ref: `at ${one.time}`, traceId: null }).alerts
      })
    }
    const alerts = told(false)
    expect(told(true)).toEqual(alerts)
    const opened = alerts.filter(({ status }) => status === 'opened')
    expect(opened.map(({ subject, related }) => [subject.id, related?.map((one) => one.subject.id)])).toEqual([
      ['a', undefined],
      ['a', undefined],
      ['c-1', ['a']],
      ['b', ['c-1']],
      ['a', undefined],
      ['c-1', undefined],
      ['q', ['c-1']],
    ])
  })
})
