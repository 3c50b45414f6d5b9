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
