import type { ByteReader, ByteWriter } from './bytes.ts'

/**
 * Sums over the recent past: a ring of equal slots of event time. Late events are counted in the slot where they belong as long as
 * the ring still holds it, and are dropped when it does not.
 */
export class RecentSums {
  readonly #slotMicros: number
  readonly #slots: Float32Array
  /** Number of the newest slot, counted from the epoch; -1 before the first event. */
  #newest = -1

  constructor(slotMicros: number, slots: number) {
    this.#slotMicros = slotMicros
    this.#slots = new Float32Array(slots)
  }

  add(time: number, amount: number): void {
    const slot = Math.floor(time / this.#slotMicros)
    const size = this.#slots.length
    if (slot > this.#newest) {
      const passed = this.#newest < 0 ? size : Math.min(size, slot - this.#newest)
      for (let i = 1; i <= passed; i++) this.#slots[(slot - passed + i) % size] = 0
      this.#newest = slot
    } else if (slot <= this.#newest - size || slot < 0) {
      return
    }
    this.#slots[slot % size] += amount
  }

  /** Sum over the newest `slots` slots, the one of the newest event included. */
  sum(slots: number): number {
    if (this.#newest < 0) return 0
    const size = this.#slots.length
    let total = 0
    for (let i = 0; i < slots; i++) total += this.#slots[(((this.#newest - i) % size) + size) % size]
    return total
  }

  encode(writer: ByteWriter): void {
    writer.f64(this.#newest)
    // Most subjects are quiet most of the time: only slots that hold something are written.
    const used = this.#slots.reduce((count, value) => count + (value === 0 ? 0 : 1), 0)
    writer.u8(used)
    this.#slots.forEach((value, slot) => {
      if (value !== 0) writer.u8(slot).f32s(Float32Array.of(value))
    })
  }

  static decode(reader: ByteReader, slotMicros: number, slots: number): RecentSums {
    const sums = new RecentSums(slotMicros, slots)
    sums.#newest = reader.f64()
    for (let left = reader.u8(); left > 0; left--) {
      const slot = reader.u8()
      sums.#slots[slot] = reader.f32s(1)[0]
    }
    return sums
  }
}
