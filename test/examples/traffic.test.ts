import { describe, expect, it } from 'vitest'
import { planTraffic } from '../../examples/model-service/traffic.ts'

const now = Date.parse('2026-03-04T15:30:00Z')
const plan = planTraffic({ seed: 1, now })
const hour = 3_600_000

describe('the simulated traffic', () => {
  it('is the same for the same seed and moment, and another for another seed', () => {
    expect(JSON.stringify(planTraffic({ seed: 1, now }))).toBe(JSON.stringify(plan))
    expect(JSON.stringify(planTraffic({ seed: 2, now }))).not.toBe(JSON.stringify(plan))
  })

  it.each([1, 2, 3, 4, 5])('has three days of a mid-sized service behind it (seed %d)', (seed) => {
    const { history, attacker } = planTraffic({ seed, now })
    expect(history.length).toBeGreaterThan(8000)
    expect(history.length).toBeLessThan(15_000)
    expect(new Set(history.map(({ caller }) => caller.id)).size).toBeGreaterThan(220)
    // The attacker was a customer like others: neither new nor loud.
    const past = history.filter(({ caller }) => caller.id === attacker).length
    expect(past).toBeGreaterThan(0)
    expect(past).toBeLessThan(200)
  })

  it('stands in time order and ends before the live phase begins', () => {
    const times = plan.history.map(({ at }) => at)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(times[0]).toBeGreaterThan(now - 72 * hour - 1)
    expect(Math.max(...plan.history.map(({ at, durationMs }) => at + durationMs))).toBeLessThan(now)
    expect(plan.live[0].at).toBeGreaterThanOrEqual(now)
  })

  it('ends the live phase when it was told to', () => {
    const brief = planTraffic({ seed: 1, now, liveSeconds: 8 })
    expect(Math.max(...brief.live.map(({ at }) => at))).toBeLessThan(now + 8000)
    expect(brief.live.some(({ caller }) => caller.id === brief.attacker)).toBe(true)
  })

  it('sleeps at night', () => {
    const people = plan.history.filter(({ caller }) => caller.kind === 'human')
    const share = (from: number, to: number) =>
      people.filter(({ at }) => new Date(at).getUTCHours() >= from && new Date(at).getUTCHours() < to).length / people.length
    expect(share(0, 4)).toBeLessThan(0.08)
    expect(share(9, 13)).toBeGreaterThan(0.2)
  })

  it('has people who keep to their subjects: they repeat words that the whole population rarely uses', () => {
    const words = (prompts: string[]) => new Set(prompts.flatMap((prompt) => prompt.toLowerCase().match(/[a-z]{5,}/g) ?? []))
    const all = words(plan.history.map(({ request }) => request.prompt))
    const people = [...new Set(plan.history.map(({ caller }) => caller))].filter(({ kind }) => kind === 'human')
    const busy = people.map((person) => plan.history.filter(({ caller }) => caller === person)).filter((calls) => calls.length >= 30)
    expect(busy.length).toBeGreaterThan(50)
    for (const calls of busy) expect(words(calls.slice(0, 30).map(({ request }) => request.prompt)).size).toBeLessThan(all.size * 0.35)
  })

  it('ends with one account that asks for everything, at the pace of a machine, while the others go on', () => {
    const attack = plan.live.filter(({ caller }) => caller.id === plan.attacker)
    const rest = plan.live.filter(({ caller }) => caller.id !== plan.attacker)
    expect(attack.length).toBeGreaterThan(300)
    expect(rest.length).toBeGreaterThan(150)
    expect(new Set(attack.map(({ request }) => request.prompt)).size).toBeGreaterThan(attack.length * 0.95)
    const gaps = attack.slice(1).map(({ at }, index) => at - attack[index].at)
    expect(Math.max(...gaps.slice(10))).toBeLessThan(300)
  })
})
