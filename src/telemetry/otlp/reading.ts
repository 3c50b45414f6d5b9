import { TidewatchError } from '../../errors.ts'
import { count, type Tally } from '../tally.ts'
import { hex8 } from './hex.ts'
import { ByteKeys } from './keys.ts'
import { Pairs } from './pairs.ts'
import type { AttributeKeys, AttributeList } from './records.ts'
import { Texts } from './texts.ts'
import { Wire } from './wire.ts'

/** Shared by all records that have no attribute that is read. */
export const noAttributes: AttributeList = Object.freeze({
  slots: Object.freeze([]),
  names: Object.freeze([]),
  values: Object.freeze([]),
}) as never

/**
 * What counts for a whole request, whichever its form: how deep values may be nested, how many records it may hold (a record
 * of two bytes costs hundreds in memory), and what was clamped.
 */
export class Limits {
  clamped: Tally = {}
  maxDepth = 0
  records = 0

  begin(maxDepth: number, maxRecords: number): void {
    this.clamped = {}
    this.maxDepth = maxDepth
    this.records = maxRecords
  }

  /** Before a record, an event of a span or a scope is made. */
  takeRecord(): void {
    if (--this.records < 0) throw new TidewatchError('TW_TELEMETRY_TOO_LARGE', 'more spans, points and log records than a request may hold')
  }

  /** `depth`: 0 for an attribute's own value, one more inside of each list and mapping. */
  checkDepth(depth: number): void {
    if (depth > this.maxDepth) throw new TidewatchError('TW_TELEMETRY_TOO_DEEP', `more than ${this.maxDepth} levels`)
  }

  /** An enum's number, 0 where it is none of 0 to `last`. */
  enumOf(value: number, last: number): number {
    if (value >= 0 && value <= last) return value
    count(this.clamped, 'enum')
    return 0
  }
}

/** A cursor over one request with everything that reading it needs. It serves one request after another and remembers texts between them. */
export class Reading extends Wire {
  readonly limits = new Limits()
  readonly keys: ByteKeys
  readonly pairs = new Pairs()
  readonly #texts = new Texts()
  #idAt = 0
  #id = ''

  constructor(keys: AttributeKeys) {
    super()
    this.keys = new ByteKeys(keys)
  }

  override load(bytes: Buffer): void {
    super.load(bytes)
    this.#id = ''
  }

  /** A string field that often repeats: a name. */
  text(end: number): string {
    const length = this.size(end)
    const start = this.pos
    this.pos = start + length
    return this.#texts.read(this.bytes, this.view, start, length)
  }

  /** The same for a range that was passed already. */
  textAt(start: number, length: number): string {
    return this.#texts.read(this.bytes, this.view, start, length)
  }

  /** A trace's or span's id as lowercase hex; '' where it has another size or is all zeros, which OTLP defines as none. */
  id(end: number, size: 8 | 16): string {
    const length = this.size(end)
    const start = this.pos
    this.pos = start + length
    if (length !== size) {
      if (length !== 0) count(this.limits.clamped, size === 16 ? 'trace_id' : 'span_id')
      return ''
    }
    // Spans of one trace follow each other.
    if (size === 16 && this.#id !== '' && this.#sameAsLast(start)) return this.#id
    const id = this.#isZero(start, size) ? '' : size === 8 ? hex8(this.bytes, start) : this.bytes.toString('hex', start, start + size)
    if (size === 16) {
      this.#id = id
      this.#idAt = start
    }
    return id
  }

  #sameAsLast(start: number): boolean {
    const { view } = this
    for (let i = 0; i < 16; i += 4) if (view.getInt32(start + i) !== view.getInt32(this.#idAt + i)) return false
    return true
  }

  #isZero(start: number, size: number): boolean {
    for (let i = 0; i < size; i += 4) if (this.view.getInt32(start + i) !== 0) return false
    return true
  }
}
