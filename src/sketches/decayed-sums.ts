import type { ByteReader, ByteWriter } from './bytes.ts'

/** Time constants: an hour, and each the fourfold of the one before, up to two days and a half. */
export const decayHours = [1, 4, 16, 64] as const

const scales = decayHours.length
const rates = Float64Array.from(decayHours, (hours) => 1 / (hours * 3.6e9))

/**
 * How much of some things came lately, on several time scales at once: of each scale the sum of all amounts, weighed by exp(-age / scale). A burst
 * that is short against a scale counts in full, so the sums read like counts in windows, but have no edges, no slots, and add up over accounts. Late
 * events get the weight that they would have had in order. 8 bytes and 16 a thing.
 */
export class DecayedSums {
  /** Thing by thing, from the shortest scale to the longest; as of the newest event. */
  readonly sums: Float32Array
  #newest = Number.NEGATIVE_INFINITY

  constructor(things: number) {
    this.sums = new Float32Array(things * scales)
  }

  /** Takes `amounts`, one of each thing, at `time` (microseconds) in. */
  add(time: number, amounts: ArrayLike<number>): void {
    const passed = time - this.#newest
    const { sums } = this
    for (let scale = 0; scale < scales; scale++) {
      const weight = Math.exp(-Math.abs(passed) * rates[scale])
      if (passed >= 0)
        for (let thing = 0, at = scale; at < sums.length; thing++, at += scales) sums[at] = sums[at] * weight + amounts[thing]
      else for (let thing = 0, at = scale; at < sums.length; thing++, at += scales) sums[at] += amounts[thing] * weight
    }
    if (passed > 0) this.#newest = time
  }

  /** Takes the sums of another subject, of the same things, in. */
  merge(other: DecayedSums): void {
    const passed = other.#newest - this.#newest
    if (Number.isNaN(passed)) return
    for (let at = 0; at < this.sums.length; at++) {
      const weight = Math.exp(-Math.abs(passed) * rates[at % scales])
      this.sums[at] = passed > 0 ? this.sums[at] * weight + other.sums[at] : this.sums[at] + other.sums[at] * weight
    }
    if (passed > 0) this.#newest = other.#newest
  }

  encode(writer: ByteWriter): void {
    writer.f64(this.#newest).f32s(this.sums)
  }

  static decode(reader: ByteReader, things: number): DecayedSums {
    const sums = new DecayedSums(things)
    sums.#newest = reader.f64()
    sums.sums.set(reader.f32s(sums.sums.length))
    return sums
  }
}
