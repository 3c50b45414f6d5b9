import type { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import { DecayedSums } from '../sketches/decayed-sums.ts'
import type { CallEvent } from '../telemetry/events.ts'
import { encodePace } from './pace-reference.ts'

/** A pace is spoken of when it grew by a tenth on any scale, or again after six hours. */
const growth = 1.1
const silenceMicros = 6 * 3.6e9

/** How fast one subject goes in each of some things that are counted, and what of it was said. 16 bytes and 32 a thing. */
export class PaceOfSubject {
  readonly #recent: DecayedSums
  /** 1 + count, as it was said last. */
  #spoken: Float32Array
  #spokenTime = 0

  constructor(things: number, recent = new DecayedSums(things)) {
    this.#recent = recent
    this.#spoken = new Float32Array(recent.sums.length)
  }

  /** Takes a call in that brought `amounts`, one of each thing. The sketch for `PaceReference` where there is something new to say, else null. */
  add({ time, principal }: CallEvent, amounts: ArrayLike<number>): Uint8Array | null {
    this.#recent.add(time, amounts)
    const { sums } = this.#recent
    const again = time - this.#spokenTime >= silenceMicros
    let speaks = again
    for (let at = 0; at < sums.length && !speaks; at++) speaks = 1 + sums[at] >= growth * this.#spoken[at]
    if (!speaks) return null
    for (let at = 0; at < sums.length; at++) this.#spoken[at] = again ? 1 + sums[at] : Math.max(1 + sums[at], this.#spoken[at])
    this.#spokenTime = time
    const kind = principal?.kind ?? null
    return encodePace({ time, levels: sums.map(Math.log1p), software: kind !== null && kind !== 'human' })
  }

  encode(writer: ByteWriter): void {
    this.#recent.encode(writer)
    writer.f32s(this.#spoken).f64(this.#spokenTime)
  }

  static decode(reader: ByteReader, things: number): PaceOfSubject {
    const pace = new PaceOfSubject(things, DecayedSums.decode(reader, things))
    pace.#spoken = reader.f32s(pace.#spoken.length)
    pace.#spokenTime = reader.f64()
    return pace
  }
}
