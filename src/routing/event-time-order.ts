import type { Observation } from '../detection/observation.ts'
import { TidewatchError } from '../errors.ts'
import { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import { observation as field } from './observation-fields.ts'

interface Waiting {
  readonly observation: Observation
  /** Append time of its record, milliseconds. */
  readonly appended: number
}

/** Longest wait, milliseconds of append time: a log whose clock is behind must not silence all others. */
const PATIENCE = 30_000
/** Most that wait. */
const CAPACITY = 50_000
const format = 1

/**
 * Puts what several partitions told into the order of event time: an observation waits until all of them have come to its time, but no longer
 * than half a minute by the append time of the log. So what is judged against whom does not depend on which partition was read first, or on how many
 * there are. Observations of one time keep the order in which they came; those that come late are given out at once.
 */
export class EventTimeOrder {
  #waiting: Waiting[] = []
  #sorted = true
  /** Earliest append time of those that wait. */
  #oldest = Number.POSITIVE_INFINITY

  take(observation: Observation, appended: number): void {
    if (this.#sorted && this.#waiting.length > 0 && observation.time < this.#waiting.at(-1)!.observation.time) this.#sorted = false
    this.#waiting.push({ observation, appended })
    this.#oldest = Math.min(this.#oldest, appended)
  }

  /** What need not wait any more, in order. `watermark` in microseconds, null while nothing is known; `now`: append time of the latest record. */
  due(watermark: number | null, now: number): Observation[] {
    if (!this.#sorted) this.#waiting.sort((a, b) => a.observation.time - b.observation.time)
    this.#sorted = true
    const waiting = this.#waiting
    let count = Math.max(0, waiting.length - CAPACITY)
    while (watermark !== null && count < waiting.length && waiting[count]!.observation.time <= watermark) count++
    // Who waited long enough takes those before it along.
    const overdue = now - PATIENCE
    if (this.#oldest <= overdue) count = Math.max(count, waiting.findLastIndex(({ appended }) => appended <= overdue) + 1)
    if (count === 0) return []
    const given = waiting.splice(0, count)
    this.#oldest = waiting.reduce((oldest, { appended }) => Math.min(oldest, appended), Number.POSITIVE_INFINITY)
    return given.map(({ observation }) => observation)
  }

  encode(): Uint8Array {
    const writer = new ByteWriter().u8(format).u32(this.#waiting.length)
    for (const { observation, appended } of this.#waiting) {
      writer.f64(appended)
      field.write(writer, observation)
    }
    return writer.finish()
  }

  /** Throws TW_STATE_MISMATCH for another format. */
  decode(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes)
    if (reader.u8() !== format) throw new TidewatchError('TW_STATE_MISMATCH', 'waiting observations of another format')
    this.#waiting = []
    this.#oldest = Number.POSITIVE_INFINITY
    for (let left = reader.u32(); left > 0; left--) {
      const appended = reader.f64()
      this.take(field.read(reader), appended)
    }
  }
}
