import type { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import { DecayedSums, decayHours } from '../sketches/decayed-sums.ts'
import type { CallEvent } from '../telemetry/events.ts'
import { encodePace } from './pace-reference.ts'

/** A pace is spoken of when it grew by a tenth on any scale, or again after six hours. */
const growth = Math.log(1.1)
const silenceMicros = 6 * 3.6e9

/** How fast one subject goes in each of some things that are counted, and what of it was said. 40 bytes a thing. */
export class PaceOfSubject {
  readonly #sums: readonly DecayedSums[]
  #spoken: Float32Array
  #spokenTime = 0

  constructor(sums: readonly DecayedSums[]) {
    this.#sums = sums
    this.#spoken = new Float32Array(decayHours.length * sums.length)
  }

  static of(things: number): PaceOfSubject {
    return new PaceOfSubject(Array.from({ length: things }, () => new DecayedSums()))
  }

  /** Takes a call in that brought `amounts`, one of each thing. The sketch for `PaceReference` where there is something new to say, else null. */
  add({ time, principal }: CallEvent, ...amounts: number[]): Uint8Array | null {
    for (let thing = 0; thing < amounts.length; thing++) this.#sums[thing].add(time, amounts[thing])
    const levels = new Float32Array(this.#spoken.length)
    let grown = false
    for (let at = 0; at < levels.length; at++) {
      levels[at] = Math.log1p(this.#sums[Math.floor(at / decayHours.length)].at(at % decayHours.length))
      grown ||= levels[at] >= this.#spoken[at] + growth
    }
    const again = time - this.#spokenTime >= silenceMicros
    if (!grown && !again) return null
    this.#spoken = again ? levels : levels.map((level, at) => Math.max(level, this.#spoken[at]))
    this.#spokenTime = time
    const kind = principal?.kind ?? null
    return encodePace({ time, levels, software: kind !== null && kind !== 'human' })
  }

  encode(writer: ByteWriter): void {
    for (const sums of this.#sums) sums.encode(writer)
    writer.f32s(this.#spoken).f64(this.#spokenTime)
  }

  static decode(reader: ByteReader, things: number): PaceOfSubject {
    const pace = new PaceOfSubject(Array.from({ length: things }, () => DecayedSums.decode(reader)))
    pace.#spoken = reader.f32s(pace.#spoken.length)
    pace.#spokenTime = reader.f64()
    return pace
  }
}
