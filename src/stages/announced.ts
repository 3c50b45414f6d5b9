import { TidewatchError } from '../errors.ts'
import { ByteReader, ByteWriter } from '../sketches/bytes.ts'

/** Event time between two announcements, microseconds: each goes to every partition behind. */
const STEP = 2e6

/** Which event time was told to the stage behind, so that it is told again when it moved on, by the log and not by the clock. */
export class Announced {
  #last: number | null = null

  /** The time to announce now, null where it is not worth it yet. */
  due(watermark: number | null): number | null {
    if (watermark === null || (this.#last !== null && watermark - this.#last < STEP)) return null
    this.#last = watermark
    return watermark
  }

  encode(): Uint8Array {
    return new ByteWriter(8).f64(this.#last ?? Number.NaN).finish()
  }

  /** Throws TW_STATE_MISMATCH where it is something else. */
  decode(bytes: Uint8Array): void {
    if (bytes.length !== 8) throw new TidewatchError('TW_STATE_MISMATCH', 'announced time of another format')
    const last = new ByteReader(bytes).f64()
    this.#last = Number.isNaN(last) ? null : last
  }
}
