import type { ByteReader, ByteWriter } from './bytes.ts'

/** Share of the window whose scores the tail is fitted to, and the fewest scores that make a tail. */
const tailShare = 0.05
const leastTail = 8

/**
 * p-values of a stream of scores against its own last scores (conformal, Vovk et al. 2005: of exchangeable scores each rank is equally
 * likely), without ties: between two earlier scores the rank is interpolated. Beyond the highest 5 % the excess is exponential with a
 * scale that was measured on them, predicted as (1 + z / t)^-t for a mean excess z measured on t scores, which pays for measuring.
 * Give it scores whose tail is about exponential: logarithms of distances, -ln p.
 *
 * 16 bytes a score: the scores in order of arrival, and sorted.
 */
export class ScoreWindow {
  readonly #capacity: number
  readonly #arrived: Float64Array
  readonly #sorted: Float64Array
  #count = 0
  #first = 0

  constructor(capacity: number) {
    this.#capacity = capacity
    this.#arrived = new Float64Array(capacity)
    this.#sorted = new Float64Array(capacity)
  }

  get size(): number {
    return this.#count
  }

  /** P(another score is at least `score`), in (0, 1); 1/2 as long as the window is empty. */
  survival(score: number): number {
    const n = this.#count
    if (n === 0) return 0.5
    const sorted = this.#sorted
    const tail = Math.min(n - 1, Math.max(leastTail, Math.floor(tailShare * n)))
    const threshold = sorted[n - 1 - tail]
    if (tail >= leastTail && score > threshold) {
      let excess = 0
      for (let i = n - tail; i < n; i++) excess += sorted[i] - threshold
      const z = (score - threshold) / Math.max(excess / tail, 1e-9 + 1e-6 * Math.abs(threshold))
      return ((tail + 1) / (n + 1)) * (1 + z / tail) ** -tail
    }
    const at = this.#position(score)
    if (at === 0) return 1 - 0.5 / (n + 1)
    if (at === n) return 0.5 / (n + 1)
    const low = sorted[at - 1]
    const high = sorted[at]
    return (n - at + (high > low ? (high - score) / (high - low) : 0.5)) / (n + 1)
  }

  /** Takes a score in and lets the oldest go until at most `keep` (at least one) are left. */
  push(score: number, keep = this.#capacity): void {
    while (this.#count >= Math.min(keep, this.#capacity)) this.#drop()
    const sorted = this.#sorted
    const at = this.#position(score)
    sorted.copyWithin(at + 1, at, this.#count)
    sorted[at] = score
    this.#arrived[(this.#first + this.#count) % this.#capacity] = score
    this.#count++
  }

  #drop(): void {
    const at = this.#position(this.#arrived[this.#first])
    this.#sorted.copyWithin(at, at + 1, this.#count)
    this.#first = (this.#first + 1) % this.#capacity
    this.#count--
  }

  encode(writer: ByteWriter): void {
    writer.u32(this.#count)
    for (let i = 0; i < this.#count; i++) writer.f64(this.#arrived[(this.#first + i) % this.#capacity])
  }

  static decode(reader: ByteReader, capacity: number): ScoreWindow {
    const window = new ScoreWindow(capacity)
    window.#count = reader.u32()
    window.#arrived.set(reader.f64s(window.#count))
    window.#sorted.set(window.#arrived.subarray(0, window.#count))
    window.#sorted.subarray(0, window.#count).sort()
    return window
  }

  /** Number of scores below `score`. */
  #position(score: number): number {
    const sorted = this.#sorted
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (sorted[middle] < score) low = middle + 1
      else high = middle
    }
    return low
  }
}
