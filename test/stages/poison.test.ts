import { describe, expect, it } from 'vitest'
import { PoisonGuard } from '../../src/stages/poison.ts'

/** Notes records until the guard throws; gives the number of the record that did it, null when none did. */
function stoppedAt(guard: PoisonGuard, records: Iterable<boolean>, partition = 0): number | null {
  let number = 0
  for (const refused of records) {
    number++
    try {
      guard.note('otlp_spans', partition, refused)
    } catch (error) {
      expect(error).toMatchObject({ code: 'TW_SOURCE_POISONED', message: expect.stringContaining(`otlp_spans/${partition}`) })
      return number
    }
  }
  return null
}

const repeated = (pattern: readonly boolean[], times: number) => Array.from({ length: times }, () => pattern).flat()

describe('a partition of a broken producer is stopped', () => {
  it('at a run of refused records as long as allowed, and not one earlier', () => {
    expect(stoppedAt(new PoisonGuard(1, 5), repeated([true], 5))).toBe(5)
    expect(stoppedAt(new PoisonGuard(1, 5), repeated([true, true, true, true, false], 500))).toBeNull()
  })

  it('at a share above the allowed one of the last 1000 records, and not before there are 1000', () => {
    expect(stoppedAt(new PoisonGuard(0.5, 5000), repeated([true, true, false], 1000))).toBe(1000)
    expect(stoppedAt(new PoisonGuard(0.5, 5000), repeated([true, false], 3000))).toBeNull()
  })

  it('by its last 1000 records: what was refused long ago does not count', () => {
    const guard = new PoisonGuard(0.5, 5000)
    expect(stoppedAt(guard, [...repeated([true], 400), ...repeated([false], 1000), ...repeated([true], 500)])).toBeNull()
    expect(stoppedAt(guard, [true])).toBe(1)
  })

  it('and no other partition with it', () => {
    const guard = new PoisonGuard(1, 3)
    expect(stoppedAt(guard, [true, true], 0)).toBeNull()
    expect(stoppedAt(guard, [true, true], 1)).toBeNull()
    expect(stoppedAt(guard, [true], 0)).toBe(1)
  })
})
