/** The clock and the timers that retries run on; tests put their own here and never sleep. */
export interface Timers {
  /** Milliseconds since the epoch. */
  now(): number
  /** Runs once after that many milliseconds; the answer cancels it. */
  after(milliseconds: number, run: () => void): () => void
}

export const systemTimers: Timers = {
  now: () => Date.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds)
    return () => clearTimeout(timer)
  },
}
