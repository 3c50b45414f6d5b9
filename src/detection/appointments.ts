/** Times are kept to so many microseconds: the interval of the log's clock ticks. */
const slotMicros = 10e6

/**
 * When states want to be asked although no event came. Each name has one appointment, and one that was moved to later costs nothing
 * until its old time has come: a series moves its own with every point.
 */
export class Appointments {
  /** Slot that a name stands in, and the names of each slot. */
  readonly #slotOf = new Map<string, number>()
  readonly #slots = new Map<number, string[]>()
  #come = Number.NEGATIVE_INFINITY

  /** The name's appointment is at `time` (microseconds) or soon after; an earlier one that it has stays. Infinity: none is needed. */
  make(name: string, time: number): void {
    if (!(time < Number.POSITIVE_INFINITY)) return
    const slot = Math.max(Math.ceil(time / slotMicros), this.#come + 1)
    const has = this.#slotOf.get(name)
    if (has !== undefined && has <= slot) return
    this.#slotOf.set(name, slot)
    const names = this.#slots.get(slot)
    if (names === undefined) this.#slots.set(slot, [name])
    else names.push(name)
  }

  /** Names whose appointment has come by `time`, by time and name; each has none any more. */
  come(time: number): string[] {
    const now = Math.floor(time / slotMicros)
    if (!(now > this.#come)) return []
    this.#come = now
    const due: string[] = []
    for (const slot of [...this.#slots.keys()].filter((slot) => slot <= now).sort((a, b) => a - b)) {
      for (const name of this.#slots.get(slot)!.sort()) {
        if (this.#slotOf.get(name) !== slot) continue
        this.#slotOf.delete(name)
        due.push(name)
      }
      this.#slots.delete(slot)
    }
    return due
  }

  /** The slot up to which appointments have come, and that of each name; `restore` makes the same of it. */
  get kept(): { readonly come: number; slotOf(name: string): number } {
    return { come: this.#come, slotOf: (name) => this.#slotOf.get(name) ?? Number.POSITIVE_INFINITY }
  }

  /** Only on new appointments. */
  restore(come: number, slots: Iterable<readonly [name: string, slot: number]>): void {
    this.#come = come
    for (const [name, slot] of slots) this.make(name, slot * slotMicros)
  }
}
