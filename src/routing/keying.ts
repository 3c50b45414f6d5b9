import { TidewatchError } from '../errors.ts'
import { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import type { Position } from '../telemetry/events.ts'

/** Subjects that are remembered; the oldest make room. */
const CAPACITY = 50_000
const format = 1

/**
 * Checks what a producer promises who keys its records by what must be seen together: that a subject's telemetry stands in one partition of its topic.
 * A subject that turns up in two is watched in two halves, and each may be too small to be noticed.
 */
export class Keying {
  readonly #partitions = new Map<string, number>()

  /** The other partition in which the subject was seen, null where there is none. */
  elsewhere(subject: string, { topic, partition }: Pick<Position, 'topic' | 'partition'>): number | null {
    const key = JSON.stringify([topic, subject])
    const known = this.#partitions.get(key)
    if (known !== undefined) return known === partition ? null : known
    this.#partitions.set(key, partition)
    if (this.#partitions.size > CAPACITY) this.#partitions.delete(this.#partitions.keys().next().value!)
    return null
  }

  encode(): Uint8Array {
    const writer = new ByteWriter().u8(format).u32(this.#partitions.size)
    for (const [key, partition] of this.#partitions) writer.text(key).u32(partition)
    return writer.finish()
  }

  /** Throws TW_STATE_MISMATCH for another format. */
  decode(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes)
    if (reader.u8() !== format) throw new TidewatchError('TW_STATE_MISMATCH', 'places of subjects of another format')
    this.#partitions.clear()
    for (let left = reader.u32(); left > 0; left--) this.#partitions.set(reader.text(), reader.u32())
  }
}
