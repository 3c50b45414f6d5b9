const WINDOW = 5

/** Events a second over the last five seconds, from a count that only grows and is sampled once a second. */
export class RateMeter {
  private readonly samples: number[] = []

  sample(count: number): void {
    this.samples.push(count)
    if (this.samples.length > WINDOW + 1) this.samples.shift()
  }

  perSecond(): number {
    const spans = this.samples.length - 1
    return spans < 1 ? 0 : Math.round(((this.samples[spans]! - this.samples[0]!) / spans) * 10) / 10
  }
}
