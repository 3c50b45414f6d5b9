import { describe, expect, it } from 'vitest'
import { compare, summarize } from '../../src/backtest/compare.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { makeAlert } from '../support/alerts.ts'

const at = (hour: number, day = 1) => `2026-03-0${day}T${String(hour).padStart(2, '0')}:00:00.000000Z`

function incident(id: string, subject: string, from: string, to: string | null, changes: Partial<Alert> = {}): Alert[] {
  const common = { incident: id, subject: { kind: 'principal' as const, id: subject }, opened: from, ...changes }
  const alerts = [makeAlert({ id: `${id}-1`, status: 'opened', time: from, ...common })]
  return to === null ? alerts : [...alerts, makeAlert({ id: `${id}-2`, status: 'resolved', time: to, ...common })]
}

const sides = (before: Alert[], after: Alert[]) => compare(summarize(before), summarize(after))

describe('a comparison', () => {
  it('finds what is new, gone, changed and the same, whatever the ids are', () => {
    const before = [
      ...incident('b1', 'same', at(1), at(5)),
      ...incident('b2', 'gone', at(1), at(5)),
      ...incident('b3', 'earlier', at(4), at(9), { severity: 'low', detectors: ['query-shift'] }),
    ]
    const after = [
      ...incident('a1', 'same', at(1), at(5)),
      ...incident('a3', 'earlier', at(2), at(9), { severity: 'high', detectors: ['query-shift', 'volume-and-breadth'] }),
      ...incident('a4', 'new', at(3), null),
    ]
    const { added, gone, changed, same } = sides(before, after)
    expect([added, gone, same].map((list) => list.map(({ subject }) => subject.id))).toEqual([['new'], ['gone'], ['same']])
    expect(changed).toMatchObject([{ before: { incident: 'b3' }, after: { incident: 'a3' }, differs: ['opened', 'severity', 'detectors'] }])
  })

  it('keeps incidents of one subject apart that do not overlap, and those of other categories and runs', () => {
    const twice = [...incident('b1', 'a', at(1), at(3)), ...incident('b2', 'a', at(8), at(9))]
    expect(sides(twice, incident('a1', 'a', at(8), at(9)))).toMatchObject({
      gone: [{ incident: 'b1' }],
      same: [{ incident: 'a1' }],
      added: [],
    })
    expect(sides(twice, incident('a1', 'a', at(5), at(6)))).toMatchObject({ gone: [{}, {}], added: [{ incident: 'a1' }] })
    const other = incident('a1', 'a', at(1), at(3), { category: 'trust' })
    expect(sides(incident('b1', 'a', at(1), at(3)), other)).toMatchObject({ gone: [{}], added: [{}] })
    const runs = incident('a1', 'a', at(1), at(3), { run: 'r2' })
    expect(sides(incident('b1', 'a', at(1), at(3), { run: 'r1' }), runs)).toMatchObject({ gone: [{}], added: [{}] })
  })

  it('takes an incident without an end to go on, and gives each one partner', () => {
    const open = incident('b1', 'a', at(1), null)
    const two = [...incident('a1', 'a', at(1, 2), at(2, 2)), ...incident('a2', 'a', at(1, 4), null)]
    expect(sides(open, two)).toMatchObject({ changed: [{ after: { incident: 'a1' } }], added: [{ incident: 'a2' }], gone: [] })
  })

  it('sums up the alerts of an incident', () => {
    const [first, last] = incident('b1', 'a', at(1), at(3), { pValue: 1e-5 }) as [Alert, Alert]
    const update = makeAlert({ ...first, id: 'u', status: 'updated', time: at(2), severity: 'critical', pValue: 1e-9 })
    expect(summarize([first, update, { ...last, severity: 'critical' }])).toEqual([
      expect.objectContaining({ opened: at(1), last: at(3), resolved: true, severity: 'critical', pValue: 1e-9, alerts: 3 }),
    ])
  })
})
