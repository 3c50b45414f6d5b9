import type { ByteReader, ByteWriter } from './bytes.ts'
import { ScoreWindow } from './score-window.ts'

/** Calls below this p-value teach the windows only as often as `allowed` a call, with a stock for chance: a burst is not the norm. */
const extreme = 0.05
const allowed = extreme * 1.2
const mostAllowed = 10

/**
 * Several statistics of one call as one p-value. Each statistic becomes a p-value against its own last values; the weighted root mean
 * square of -ln p is the fused statistic, between Fisher's mean (weak signs add up) and the largest one (a single strong sign counts);
 * and it becomes the p-value against *its* own last values, which makes up for whatever dependence there is between the statistics.
 */
export class FusedWindows {
  /** p-values of the statistics of the last call, NaN for those that could not speak. */
  readonly parts: Float64Array
  readonly #windows: ScoreWindow[]
  #fused: ScoreWindow
  /** Extreme calls that may be learned now. */
  #allowance = mostAllowed

  constructor(statistics: number, capacity: number) {
    this.parts = new Float64Array(statistics).fill(Number.NaN)
    this.#windows = Array.from({ length: statistics }, () => new ScoreWindow(capacity))
    this.#fused = new ScoreWindow(capacity)
  }

  /** p-value of a call before it is learned, then learned. NaN means that a statistic has nothing to say; weights are not negative. `keep` as in `ScoreWindow.push`. */
  add(statistics: Float64Array, weights: readonly number[], keep: number): number {
    let sum = 0
    let total = 0
    for (let i = 0; i < statistics.length; i++) {
      const value = statistics[i]
      if (Number.isNaN(value)) {
        this.parts[i] = Number.NaN
        continue
      }
      const pValue = this.#windows[i].survival(value)
      this.parts[i] = pValue
      const surprise = Math.log(pValue)
      sum += weights[i] * surprise * surprise
      total += weights[i]
    }
    const fused = total > 0 ? Math.sqrt(sum / total) : 0
    const pValue = this.#fused.survival(fused)
    this.#allowance = Math.min(mostAllowed, this.#allowance + allowed)
    if (pValue < extreme) {
      if (this.#allowance < 1) return pValue
      this.#allowance--
    }
    for (let i = 0; i < statistics.length; i++) if (!Number.isNaN(statistics[i])) this.#windows[i].push(statistics[i], keep)
    this.#fused.push(fused, keep)
    return pValue
  }

  encode(writer: ByteWriter): void {
    writer.f64(this.#allowance)
    for (const window of this.#windows) window.encode(writer)
    this.#fused.encode(writer)
  }

  static decode(reader: ByteReader, statistics: number, capacity: number): FusedWindows {
    const fused = new FusedWindows(statistics, capacity)
    fused.#allowance = reader.f64()
    for (let i = 0; i < statistics; i++) fused.#windows[i] = ScoreWindow.decode(reader, capacity)
    fused.#fused = ScoreWindow.decode(reader, capacity)
    return fused
  }
}
