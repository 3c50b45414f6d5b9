import type { ByteReader, ByteWriter } from './bytes.ts'

/** Time constants: an hour, and each the fourfold of the one before, up to two days and a half. */
export const decayHours = [1, 4, 16, 64] as const

const scales = decayHours.length
const micros = decayHours.map((hours) => hours * 3.6e9)

/**
 * How much came lately, on several time scales at once: of each scale the sum of all amounts, weighed by exp(-age / scale). A burst that is short
 * against a scale counts in full, so the sums read like counts in windows, but have no edges, no slots, and add up over accounts. Late events
 * get the weight that they would have had in order. 24 bytes.
 */
export class DecayedSums {
  readonly #sums = new Float32Array(scales)
  #newest = Number.NEGATIVE_INFINITY

  /** Takes `amount` at `time` (microseconds) in; an amount of 0 moves the clock only. */
  add(time: number, amount: number): void {
    const passed = time - this.#newest
    if (passed > 0) {
      this.#newest = time
      for (let scale = 0; scale < scales; scale++) this.#sums[scale] = this.#sums[scale] * Math.exp(-passed / micros[scale]) + amount
    } else if (passed <= 0) {
      for (let scale = 0; scale < scales; scale++) this.#sums[scale] += amount * Math.exp(passed / micros[scale])
    }
  }

  /** The sum of a scale at the time of the newest event. */
  at(scale: number): number {
    return this.#sums[scale]
  }

  /** Takes the sums of another subject in. */
  merge(other: DecayedSums): void {
    if (other.#newest > this.#newest) this.add(other.#newest, 0)
    const passed = this.#newest - other.#newest
    if (!(passed >= 0)) return
    for (let scale = 0; scale < scales; scale++) this.#sums[scale] += other.#sums[scale] * Math.exp(-passed / micros[scale])
  }

  encode(writer: ByteWriter): void {
    writer.f64(this.#newest).f32s(this.#sums)
  }

  static decode(reader: ByteReader): DecayedSums {
    const sums = new DecayedSums()
    sums.#newest = reader.f64()
    sums.#sums.set(reader.f32s(scales))
    return sums
  }
}
