import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { Budget, categoryWeights, weightOf } from '../../src/decisions/budget.ts'
import { combine } from '../../src/decisions/fusion.ts'
import { createRandom } from '../../src/sketches/random.ts'
import type { Category } from '../../src/telemetry/events.ts'
import { day } from './observations.ts'

const categories = Object.keys(categoryWeights) as Category[]

describe('budget', () => {
  it('never gives out more than itself in a day, for any number of subjects in any categories', () => {
    const size = fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 20_000 }))
    const days = fc.array(fc.tuple(...categories.map(() => size)), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(days, fc.double({ min: 0.1, max: 20, noNaN: true }), (sizes, perDay) => {
        const budget = new Budget(perDay)
        sizes.forEach((counts, at) => {
          let sum = 0
          counts.forEach((count, which) => {
            for (let subject = 0; subject < count; subject++) sum += budget.level(categories[which], `s${subject}`, at * day)
          })
          expect(sum).toBeLessThanOrEqual(perDay * (1 + 1e-9))
          if (sum > 0) expect(budget.spent).toBeCloseTo(sum, 9)
        })
      }),
      { numRuns: 25 },
    )
  })

  it('is shared as the weights say, and is never more than itself with any of them', () => {
    const weight = fc.double({ min: 0.001, max: 1000, noNaN: true })
    fc.assert(
      fc.property(fc.tuple(...categories.map(() => weight)), fc.double({ min: 0.1, max: 20, noNaN: true }), (values, perDay) => {
        const weights = Object.fromEntries(categories.map((category, at) => [category, values[at]])) as Record<Category, number>
        const budget = new Budget(perDay, weights)
        for (let today = 0; today < 2; today++) {
          for (const category of categories) for (let n = 0; n < 2000; n++) budget.level(category, `s${n}`, today * day)
          expect(budget.spent).toBeLessThanOrEqual(perDay * (1 + 1e-9))
        }
        // On the second day all categories were expected, so each has its weight.
        const spent = budget.spentBy()
        const all = values.reduce((sum, value) => sum + value, 0)
        categories.forEach((category, at) => {
          const share = (perDay * values[at]!) / all
          expect(spent[category]).toBeLessThanOrEqual(share * (1 + 1e-9))
          // Levels have an upper bound of 0.01: of 2500 planned subjects 2000 were tested.
          expect(spent[category]).toBeCloseTo(Math.min(share * 0.9 * (2000 / 2500), 20), 9)
          const inRun = budget.level(category, 'source', day, 'run')
          expect(inRun).toBeCloseTo(Math.min(0.01, (0.9 * share) / 25), 12)
        })
      }),
      { numRuns: 25 },
    )
    expect(configSchema.parse({}).decisions.weights).toEqual(categoryWeights)
    expect(configSchema.safeParse({ decisions: { weights: { extraction: 0 } } }).success).toBe(false)
  })

  it('keeps a ledger of all days and runs together', () => {
    const budget = new Budget(1)
    const given = [0, 1, 2].map((at) => budget.level('extraction', 'somebody', at * day))
    budget.level('extraction', 'somebody', 2 * day)
    const inRun = budget.level('poisoning', 'source-1', 2 * day, 'run-1')
    const { days, runs, spent } = budget.ledger
    expect([days, runs]).toEqual([3, 1])
    expect(spent.extraction).toBeCloseTo(
      given.reduce((sum, level) => sum + level, 0),
      12,
    )
    expect(spent).toMatchObject({ poisoning: inRun, signal: 0 })
  })

  it('gives a training run a budget of its own, however long it takes and however many sources it has', () => {
    const budget = new Budget(1)
    const before = budget.spent
    for (const sources of [5, 20, 25, 300]) {
      let sum = 0
      const first = budget.level('poisoning', 'source-0', 0, `run-${sources}`)
      for (let source = 0; source < sources; source++) sum += budget.level('poisoning', `source-${source}`, source * day, `run-${sources}`)
      expect(sum).toBeLessThanOrEqual(categoryWeights.poisoning)
      expect(budget.level('poisoning', 'source-0', 9 * day, `run-${sources}`)).toBe(first)
    }
    expect(budget.spent).toBe(before)
  })

  it('tests a subject at one level all day', () => {
    const budget = new Budget(1)
    const level = budget.level('extraction', 'a', 0)
    for (let i = 0; i < 500; i++) budget.level('extraction', `other ${i}`, 0)
    expect(budget.level('extraction', 'a', day / 2)).toBe(level)
  })

  it('leaves the weight of categories that nothing is heard of to the others', () => {
    const budget = new Budget(1)
    budget.level('extraction', 'a', 0)
    for (let i = 0; i < 200; i++) budget.level('extraction', `s${i}`, day)
    budget.level('extraction', 'first', 2 * day)
    const alone = budget.level('extraction', 'a', 2 * day)
    const shared = new Budget(1)
    for (let i = 0; i < 200; i++) for (const category of categories) shared.level(category, `s${i}`, day)
    expect(alone).toBeGreaterThan(2 * shared.level('extraction', 'a', 2 * day))
  })

  it('shares a plan evenly and tests a flood at falling levels', () => {
    expect(weightOf(0, 100)).toBe(weightOf(99, 100))
    expect(weightOf(100, 100)).toBeLessThan(weightOf(99, 100))
    expect(weightOf(10_000, 100)).toBeLessThan(weightOf(200, 100))
    let sum = 0
    for (let index = 0; index < 1_000_000; index++) sum += weightOf(index, 100)
    expect(sum).toBeLessThanOrEqual(1 + 1e-9)
    expect(sum).toBeGreaterThan(0.99)
  })
})

describe('fusion', () => {
  it('keeps its level in the tail for independent and for equal p-values', () => {
    const random = createRandom('fusion')
    const weights = [2, 1, 1]
    for (const equal of [false, true]) {
      let hits = 0
      for (let i = 0; i < 200_000; i++) {
        const first = random.uniform()
        const tests = weights.map((weight, at) => ({ weight, pValue: equal || at === 0 ? first : random.uniform() }))
        if (combine(tests, 4) <= 0.01) hits++
      }
      expect(hits / 200_000).toBeLessThan(0.0115)
    }
  })

  it('is not outvoted by detectors that see nothing, and costs one its share of the weight', () => {
    const fused = combine([{ pValue: 1e-4, weight: 1 }], 4)
    expect(fused).toBeCloseTo(4e-4, 6)
    expect(
      combine(
        [
          { pValue: 1e-4, weight: 1 },
          { pValue: 1, weight: 3 },
        ],
        4,
      ),
    ).toBeCloseTo(fused, 8)
  })

  it('adds weak signs up', () => {
    const weak = { pValue: 0.01, weight: 1 }
    expect(combine([weak, weak, weak], 3)).toBeLessThan(combine([weak], 3))
  })

  it('says nothing where nothing was seen', () => {
    expect(combine([], 3)).toBe(0.5)
  })
})
