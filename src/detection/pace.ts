import type { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import { DecayedSums } from '../sketches/decayed-sums.ts'
import type { CallEvent } from '../telemetry/events.ts'
import { encodePace } from './pace-reference.ts'

/** A pace is spoken of when on any scale it grew by a tenth and passed a step of this ladder, or again after six hours. */
const steps = Float64Array.from({ length: 256 }, (_, step) => 1.1 ** step)
const silenceMicros = 6 * 3.6e9

/** How fast one subject goes in each of some things that are counted, and what of it was said. 16 bytes and 20 a thing. */
export class PaceOfSubject {
  readonly #recent: DecayedSums
  /** The step that 1 + count has still to pass. */
  readonly #next: Uint8Array
  #spokenTime = 0

  constructor(things: number, recent = new DecayedSums(things)) {
    this.#recent = recent
    this.#next = new Uint8Array(recent.sums.length).fill(1)
  }

  /** Takes a call in that brought `amounts`, one of each thing. The sketch for `PaceReference` where there is something new to say, else null. */
  add({ time, principal }: CallEvent, amounts: ArrayLike<number>): Uint8Array | null {
    this.#recent.add(time, amounts)
    const { sums } = this.#recent
    const again = time - this.#spokenTime >= silenceMicros
    let speaks = again
    for (let at = 0; at < sums.length && !speaks; at++) speaks = 1 + sums[at] >= steps[this.#next[at]]
    if (!speaks) return null
    for (let at = 0; at < sums.length; at++) {
      if (again) this.#next[at] = 1
      while (this.#next[at] < steps.length - 1 && steps[this.#next[at]] < steps[1] * (1 + sums[at])) this.#next[at]++
    }
    this.#spokenTime = time
    const kind = principal?.kind ?? null
    return encodePace({ time, levels: sums.map(Math.log1p), software: kind !== null && kind !== 'human' })
  }

  encode(writer: ByteWriter): void {
    this.#recent.encode(writer)
    for (const step of this.#next) writer.u8(step)
    writer.f64(this.#spokenTime)
  }

  static decode(reader: ByteReader, things: number): PaceOfSubject {
    const pace = new PaceOfSubject(things, DecayedSums.decode(reader, things))
    for (let at = 0; at < pace.#next.length; at++) pace.#next[at] = reader.u8()
    pace.#spokenTime = reader.f64()
    return pace
  }
}
