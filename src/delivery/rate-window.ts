const WINDOW = 60_000

/** At most so many requests in a minute; the minute begins with the first of them. */
export class RateWindow {
  private readonly most: number
  private began = Number.NEGATIVE_INFINITY
  private sent = 0

  constructor(most: number) {
    this.most = most
  }

  /** Takes leave for one request at `now`, milliseconds. False when there is none before `wait` is over. */
  take(now: number): boolean {
    if (now >= this.began + WINDOW) {
      this.began = now
      this.sent = 0
    }
    if (this.sent >= this.most) return false
    this.sent++
    return true
  }

  /** Milliseconds from `now` until the next minute begins. */
  wait(now: number): number {
    return Math.max(0, this.began + WINDOW - now)
  }
}
