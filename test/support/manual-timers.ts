import type { Timers } from '../../src/delivery/timers.ts'

interface Entry {
  readonly due: number
  readonly delay: number
  readonly run: () => void
}

/** A clock that stands still until a test moves it. */
export class ManualTimers implements Timers {
  private time: number
  private readonly entries = new Set<Entry>()
  private readonly waiting = new Set<() => void>()

  constructor(start: number) {
    this.time = start
  }

  now(): number {
    return this.time
  }

  after(milliseconds: number, run: () => void): () => void {
    const entry = { due: this.time + milliseconds, delay: milliseconds, run }
    this.entries.add(entry)
    for (const check of this.waiting) check()
    return () => this.entries.delete(entry)
  }

  /** Waits until a timer of a fitting delay is set, then moves the clock to when it is due and runs all that are due by then. Gives its delay. */
  async fire(fits: (delay: number) => boolean): Promise<number> {
    const entry = await new Promise<Entry>((resolve) => {
      const check = () => {
        const found = [...this.entries].find((candidate) => fits(candidate.delay))
        if (!found) return
        this.waiting.delete(check)
        resolve(found)
      }
      this.waiting.add(check)
      check()
    })
    // Time passes while nothing else is to be done.
    await new Promise((resolve) => setImmediate(resolve))
    this.advance(entry.due - this.time)
    return entry.delay
  }

  advance(milliseconds: number): void {
    this.time += milliseconds
    for (const entry of [...this.entries].sort((a, b) => a.due - b.due)) {
      if (entry.due > this.time || !this.entries.delete(entry)) continue
      entry.run()
    }
  }
}
