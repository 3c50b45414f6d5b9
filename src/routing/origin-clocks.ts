import { TidewatchError } from '../errors.ts'
import { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import type { Origin } from './record.ts'

/** A partition, whatever epoch its topic has. */
type Place = Omit<Origin, 'epoch'>

interface Clock {
  readonly origin: Place
  watermark: number
  /** Append time of the record that told it last, milliseconds. */
  heard: number
}

/** Milliseconds of append time after which an origin that says nothing is gone: members tell the time every few seconds. */
const SILENCE = 3_600_000
const format = 2

/**
 * The event time that a stage has come to: the least of what the logs before it have come to, so that a partition that lags behind is not
 * overtaken by the others. A partition that nobody has spoken of for an hour (by the append time of the log that is read, never the wall
 * clock) is gone and holds nobody back. Time never goes back.
 */
export class OriginClocks {
  readonly #clocks = new Map<string, Clock>()
  #watermark: number | null = null

  /** Null before all that are known of have told one. */
  get watermark(): number | null {
    return this.#watermark
  }

  /** `appended`: append time of the telling record, milliseconds. */
  tell({ topic, partition }: Place, watermark: number, appended: number): void {
    const origin = { topic, partition }
    const key = keyOf(origin)
    const clock = this.#clocks.get(key)
    if (clock === undefined) this.#clocks.set(key, { origin, watermark, heard: appended })
    else {
      clock.watermark = Math.max(clock.watermark, watermark)
      clock.heard = Math.max(clock.heard, appended)
    }
    let least = Number.POSITIVE_INFINITY
    for (const [other, { heard, watermark: told }] of this.#clocks) {
      if (heard < appended - SILENCE) this.#clocks.delete(other)
      else least = Math.min(least, told)
    }
    if (least !== Number.NEGATIVE_INFINITY) this.#watermark = Math.max(this.#watermark ?? Number.NEGATIVE_INFINITY, least)
  }

  encode(): Uint8Array {
    const writer = new ByteWriter()
      .u8(format)
      .f64(this.#watermark ?? Number.NaN)
      .u32(this.#clocks.size)
    for (const { origin, watermark, heard } of this.#clocks.values())
      writer.text(origin.topic).u32(origin.partition).f64(watermark).f64(heard)
    return writer.finish()
  }

  /** Throws TW_STATE_MISMATCH for another format. */
  decode(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes)
    if (reader.u8() !== format) throw new TidewatchError('TW_STATE_MISMATCH', 'clocks of another format')
    const watermark = reader.f64()
    this.#clocks.clear()
    for (let left = reader.u32(); left > 0; left--) {
      const origin = { topic: reader.text(), partition: reader.u32() }
      this.#clocks.set(keyOf(origin), {
        origin,
        watermark: reader.f64(),
        heard: reader.f64(),
      })
    }
    this.#watermark = Number.isNaN(watermark) ? null : watermark
  }
}

const keyOf = ({ topic, partition }: Place) => JSON.stringify([topic, partition])
