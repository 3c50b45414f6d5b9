import { describe, expect, it } from 'vitest'
import { Budget } from '../../src/decisions/budget.ts'
import { day } from './observations.ts'

describe('the budget from ten subjects to a hundred thousand', () => {
  it.each([10, 1000, 100_000])('spends at most itself on %d subjects, on the first day and on those that were planned', (count) => {
    const budget = new Budget(1)
    for (let today = 0; today < 3; today++) {
      for (let subject = 0; subject < count; subject++) budget.level('extraction', `s${subject}`, today * day)
      expect(budget.spent).toBeLessThanOrEqual(1 + 1e-9)
    }
    const level = budget.level('extraction', 's0', 2 * day)
    // Once a day showed how many there are, each has its even part of nine tenths (less the quarter kept for growth), up to the weakest level.
    expect(level).toBeGreaterThanOrEqual(Math.min(0.01, (0.9 * 0.4) / (1.25 * Math.max(50, count))) * (1 - 1e-6))
  })
})

describe('the budget and those who are not there', () => {
  it('gives nothing to subjects without traffic', () => {
    const budget = new Budget(1)
    for (let subject = 0; subject < 1000; subject++) budget.level('extraction', `s${subject}`, 0)
    const level = budget.level('extraction', 's0', day)
    for (let subject = 1; subject < 10; subject++) budget.level('extraction', `s${subject}`, day)
    expect(budget.spent).toBeCloseTo(10 * level, 12)
  })

  it('gives nothing to subjects that cannot be judged yet, however many there are, and plans for them', () => {
    const alone = new Budget(1)
    const budget = new Budget(1)
    for (let subject = 0; subject < 10_000; subject++) budget.hear('extraction', `new${subject}`, 0)
    expect(budget.spent).toBe(0)
    expect(budget.level('extraction', 's0', 0)).toBe(alone.level('extraction', 's0', 0))
    expect(budget.level('extraction', 's0', day)).toBeLessThan(alone.level('extraction', 's0', day) / 100)
  })
})
