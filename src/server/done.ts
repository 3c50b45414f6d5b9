import { randomBytes } from 'node:crypto'

/** What every action carries: an id that nobody had before, when it was done (microseconds, by this clock), by whom, and why. */
export function done(by: string, note: string) {
  return { id: `act_${randomBytes(12).toString('hex')}`, time: Date.now() * 1000, by, note }
}
