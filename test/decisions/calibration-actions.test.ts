import { describe, expect, it } from 'vitest'
import type { Action } from '../../src/decisions/action.ts'
import { createDecisions, type Decisions } from '../../src/decisions/decide.ts'
import { withheld } from '../../src/delivery/routing.ts'
import { createRandom } from '../../src/sketches/random.ts'
import { day, hour, observation, plainDetector, start } from './observations.ts'

const population = 'production/model/principals'
const create = (): Decisions => createDecisions({ falseIncidentsPerDay: 1, detectors: [plainDetector('plain')] })

/** Sixty quiet subjects for a day and a half. */
function warmed(): Decisions {
  const decisions = create()
  const random = createRandom('calibrated')
  for (let look = 0; look < 6; look++) {
    for (let n = 0; n < 60; n++)
      decisions.process(observation({ id: `s${n}`, at: look * 6 * hour + n, score: (n % 7) / 3 + 0.3 * random.uniform() }))
  }
  return decisions
}

let actions = 0
const act = (decisions: Decisions, what: object): string => {
  const id = `act_${actions++}`
  expect(decisions.act({ id, time: start, by: 'ops', note: 'release', ...what } as Action)).toEqual([])
  return id
}

/** Saved and restored: nothing that follows may differ. */
function again(decisions: Decisions): Decisions {
  const other = create()
  other.restore(decisions.snapshot())
  return other
}

/** p-value of a loud look after twenty other subjects have been as loud. */
function afterLoudness(decisions: Decisions): number {
  for (let n = 0; n < 20; n++) decisions.process(observation({ id: `loud${n}`, at: 1.6 * day + n, score: 3.2 }))
  return decisions.process(observation({ id: 'next', at: 1.7 * day, score: 3.2 })).pValue!
}

describe('a reference', () => {
  it('that is frozen learns nothing, and learns again when it is thawed', () => {
    const learning = afterLoudness(warmed())
    let decisions = warmed()
    act(decisions, { kind: 'freeze', detector: 'plain', population })
    decisions = again(decisions)
    const frozen = afterLoudness(decisions)
    expect(frozen).toBeLessThan(learning / 2)
    expect(decisions.status()).toMatchObject([{ population, subjects: 60, frozen: { by: 'ops', note: 'release' } }])

    const [alert] = decisions.process(observation({ id: 'attacker', at: 1.75 * day, score: 9 })).alerts
    expect(alert!.evidence).toMatchObject({ detectors: [{ reference: { frozen: true, ageDays: 1.75 } }] })

    act(decisions, { kind: 'thaw', detector: 'plain', population })
    decisions.process(observation({ id: 'late', at: 1.8 * day, score: 1 }))
    expect(again(decisions).status()).toMatchObject([{ subjects: 61, frozen: null }])
  })
})

describe('an announced change', () => {
  const attack = (decisions: Decisions, at: number, events = 40) =>
    decisions.process(observation({ id: 'attacker', at, score: 9, events })).alerts

  it('is recorded, wakes nobody and teaches nothing; after it everything is judged as ever', () => {
    let decisions = warmed()
    act(decisions, { kind: 'expect', from: start + 1.55 * day, until: start + 1.75 * day, model: 'model', service: null, category: null })
    decisions = again(decisions)
    const [opened] = attack(decisions, 1.6 * day)
    expect(opened).toMatchObject({ status: 'opened', handling: { expected: { by: 'ops', note: 'release' } } })
    expect(withheld(opened!)).toBe(true)
    expect(afterLoudness(decisions)).toBeLessThan(afterLoudness(warmed()) / 2)
    const [grown] = attack(decisions, 1.8 * day, 400)
    expect(grown).toMatchObject({ status: 'updated', incident: opened!.incident })
    expect(grown!.handling).toBeUndefined()
    expect(withheld(grown!)).toBe(false)
  })

  it('is about what it names only, and can be called off', () => {
    const decisions = warmed()
    const window = { from: start, until: start + 9 * day }
    act(decisions, { kind: 'expect', ...window, model: 'another', service: null, category: null })
    act(decisions, { kind: 'expect', ...window, model: null, service: null, category: 'poisoning' })
    const id = act(decisions, { kind: 'expect', ...window, model: null, service: 'service', category: 'extraction' })
    expect(decisions.expectations()).toHaveLength(3)
    act(decisions, { kind: 'withdraw', expectation: id })
    const [opened] = attack(decisions, 1.6 * day)
    expect(opened!.handling).toBeUndefined()
    expect(decisions.expectations().map(({ model }) => model)).toEqual(['another', null])
  })

  it('does not hide the end of an incident that was told of before', () => {
    const decisions = warmed()
    const [opened] = attack(decisions, 1.6 * day)
    expect(withheld(opened!)).toBe(false)
    act(decisions, { kind: 'expect', from: start + 2 * day, until: start + 9 * day, model: null, service: null, category: null })
    const [resolved] = decisions.advance(start + 3 * day)
    expect(resolved).toMatchObject({ status: 'resolved', handling: { expected: { by: 'ops' } } })
    expect(withheld(resolved!)).toBe(false)
  })
})
