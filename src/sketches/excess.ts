import type { ByteReader, ByteWriter } from './bytes.ts'

/** Below which p-values a call counts as small. */
const bounds = [0.2, 0.1, 0.05, 0.02, 0.005] as const
/** Alternatives: the share of such calls rises by so much of what is left to one. */
const rises = [0.05, 0.1, 0.2, 0.4, 0.7] as const
const bets = bounds.length * rises.length

/**
 * Whether a stream of p-values has more small ones than it should, from some moment on that nobody knows, tested after every one of them.
 *
 * For each bound b and rise r a bet that p <= b happens with q = q0 + (1 - q0) r instead of at most q0 = tolerance * b: its wealth is
 * multiplied by q / q0 or (1 - q) / (1 - q0). The bets start at every moment with a prior that is even over the doublings of time,
 * 1 / ((k+1)(k+2) 2^k) at the moments 2^k .. 2^(k+1)-1. The mean of all wealth is an e-process: if every p-value is at most `tolerance` times too
 * often small, given those before it, it ever exceeds 1 / a with a chance of at most a (Ville 1939; Shafer 2021; Shin, Ramdas and
 * Rinaldo 2024). 230 bytes.
 */
export class ExcessProcess {
  readonly #wealth = new Float64Array(bets)
  #count = 0
  /** Prior of the moments to come. */
  #ahead = 1
  #most = 1

  /** Valid after any number of p-values: 1 / the most wealth there ever was. */
  get pValue(): number {
    return 1 / this.#most
  }

  /**
   * Takes a p-value in that is small at most `tolerance` times too often, as far as is known before it; the tolerance counts in quarters.
   * True when there never was so much wealth.
   */
  add(pValue: number, tolerance: number): boolean {
    const k = Math.floor(Math.log2(++this.#count))
    const prior = 1 / ((k + 1) * (k + 2) * 2 ** k)
    this.#ahead -= prior
    const wealth = this.#wealth
    const ratios = ratiosFor(Math.ceil(4 * tolerance) / 4)
    let sum = 0
    for (let bound = 0, bet = 0; bound < bounds.length; bound++) {
      const small = pValue <= bounds[bound] ? 0 : 1
      for (let rise = 0; rise < rises.length; rise++, bet++) {
        // Wealth stays far from overflow; what is beyond 1e200 says no more.
        wealth[bet] = Math.min(1e200, (wealth[bet] + prior) * ratios[2 * bet + small])
        sum += wealth[bet]
      }
    }
    const all = sum / bets + this.#ahead
    if (!(all > this.#most)) return false
    this.#most = all
    return true
  }

  encode(writer: ByteWriter): void {
    writer.f64(this.#count).f64(this.#ahead).f64(this.#most).f64s(this.#wealth)
  }

  static decode(reader: ByteReader): ExcessProcess {
    const process = new ExcessProcess()
    process.#count = reader.f64()
    process.#ahead = reader.f64()
    process.#most = reader.f64()
    process.#wealth.set(reader.f64s(bets))
    return process
  }
}

const known = new Map<number, Float64Array>()

/** Two numbers a bet: what its wealth is multiplied by for a small p-value, and for another. */
function ratiosFor(tolerance: number): Float64Array {
  let ratios = known.get(tolerance)
  if (ratios === undefined) {
    ratios = new Float64Array(2 * bets)
    let at = 0
    for (const bound of bounds) {
      const usual = Math.min(0.9, tolerance * bound)
      for (const rise of rises) {
        const other = usual + (1 - usual) * rise
        ratios[at++] = other / usual
        ratios[at++] = (1 - other) / (1 - usual)
      }
    }
    known.set(tolerance, ratios)
  }
  return ratios
}
