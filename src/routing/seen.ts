import { TidewatchError } from '../errors.ts'
import { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import type { Position } from '../telemetry/events.ts'
import type { Origin } from './record.ts'

interface Mark {
  readonly origin: Origin
  offset: number
  index: number
}

const format = 1

/**
 * What a receiver has had from each partition of the stage before. Senders send the events of a partition in the order of their positions,
 * from a place on that is not behind what they have sent already; so the highest position tells all, also when an old and a new owner of
 * the partition send at the same time.
 */
export class Seen {
  readonly #marks = new Map<string, Mark>()

  /** True the first time that a position comes, which then counts as seen; false for everything at or before the highest one. */
  take({ topic, epoch, partition, offset, index }: Position): boolean {
    const key = JSON.stringify([topic, epoch, partition])
    const mark = this.#marks.get(key)
    if (mark === undefined) {
      this.#marks.set(key, { origin: { topic, epoch, partition }, offset, index })
      return true
    }
    if (offset < mark.offset || (offset === mark.offset && index <= mark.index)) return false
    mark.offset = offset
    mark.index = index
    return true
  }

  encode(): Uint8Array {
    const writer = new ByteWriter().u8(format).u32(this.#marks.size)
    for (const { origin, offset, index } of this.#marks.values())
      writer.text(origin.topic).text(origin.epoch).u32(origin.partition).f64(offset).u32(index)
    return writer.finish()
  }

  /** Throws TW_STATE_MISMATCH for another format. */
  decode(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes)
    if (reader.u8() !== format) throw new TidewatchError('TW_STATE_MISMATCH', 'seen positions of another format')
    this.#marks.clear()
    for (let left = reader.u32(); left > 0; left--) {
      const origin = { topic: reader.text(), epoch: reader.text(), partition: reader.u32() }
      this.take({ ...origin, offset: reader.f64(), index: reader.u32() })
    }
  }
}
