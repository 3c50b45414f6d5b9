import { TidewatchError } from '../errors.ts'

/** How many of the last records of a partition the share is taken over. */
const WINDOW = 1000

/**
 * Stops a partition whose producer is broken: draining a bad deploy into the dead letters would hide it.
 * Counts records, not events: a record is refused when it could not be decoded or when nothing in it could be used.
 */
export class PoisonGuard {
  private readonly partitions = new Map<string, { ring: Uint8Array; seen: number; refused: number; run: number }>()
  private readonly maxShare: number
  private readonly maxRun: number

  /** @param maxShare refused share of the last 1000 records, 0..1. @param maxRun refused records in a row. */
  constructor(maxShare: number, maxRun: number) {
    this.maxShare = maxShare
    this.maxRun = maxRun
  }

  /** Notes one record. Throws TW_SOURCE_POISONED when a limit is passed; the share counts only once the window is full. */
  note(topic: string, partition: number, refused: boolean): void {
    const key = `${topic}/${partition}`
    let state = this.partitions.get(key)
    if (state === undefined) {
      state = { ring: new Uint8Array(WINDOW), seen: 0, refused: 0, run: 0 }
      this.partitions.set(key, state)
    }
    const slot = state.seen % WINDOW
    state.refused += (refused ? 1 : 0) - state.ring[slot]!
    state.ring[slot] = refused ? 1 : 0
    state.seen++
    state.run = refused ? state.run + 1 : 0
    if (state.run >= this.maxRun) throw new TidewatchError('TW_SOURCE_POISONED', `${key}: ${state.run} refused records in a row`)
    if (state.seen >= WINDOW && state.refused / WINDOW > this.maxShare) {
      throw new TidewatchError('TW_SOURCE_POISONED', `${key}: ${state.refused} of the last ${WINDOW} records were refused`)
    }
  }
}
