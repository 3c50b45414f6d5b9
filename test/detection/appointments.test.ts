import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Appointments } from '../../src/detection/appointments.ts'

it('comes once, not before its time and within a tick after it; what is moved to later before it came is found by whoever asks', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 1000 })), fc.integer({ min: 1, max: 50 }), (seconds, step) => {
      const appointments = new Appointments()
      for (const second of seconds) appointments.make(`${second}`, second * 1e6)
      const seen: number[] = []
      for (let now = 0; now <= 1100; now += step) {
        for (const name of appointments.come(now * 1e6)) {
          expect(Number(name)).toBeLessThanOrEqual(now)
          expect(Number(name)).toBeGreaterThan(now - 10 - step)
          seen.push(Number(name))
        }
      }
      expect(seen.sort((a, b) => a - b)).toEqual([...seconds].sort((a, b) => a - b))
    }),
  )
})

it('goes on after it was kept', () => {
  const appointments = new Appointments()
  appointments.make('a', 100e6)
  appointments.make('b', 50e6)
  appointments.make('never', Number.POSITIVE_INFINITY)
  expect(appointments.come(60e6)).toEqual(['b'])
  const { come, slotOf } = appointments.kept
  const again = new Appointments()
  again.restore(
    come,
    ['a', 'b', 'never'].map((name) => [name, slotOf(name)] as const),
  )
  for (const one of [appointments, again]) expect([...one.come(99e6), ...one.come(100e6), ...one.come(1e12)]).toEqual(['a'])
})
