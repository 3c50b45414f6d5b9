import { type FileHandle, open } from 'node:fs/promises'
import type { SourceRecord } from '../source.ts'
import { SegmentCursor } from './cursor.ts'
import type { JournalDamage } from './damage.ts'
import { FRAME_HEADER_BYTES, type FrameCodec } from './frame.ts'
import type { Segment } from './segment.ts'

export interface ReadLimits {
  /** A batch is closed when it holds this many bytes of values or more. */
  readonly maxBytes: number
  readonly maxRecords: number
}

export interface ReadRange {
  readonly records: readonly SourceRecord[]
  /** Where reading goes on; equal to the offset asked for when nothing stands there yet. */
  readonly next: number
}

/** Reads a journal forwards, over the borders of segments, and reports offsets whose records cannot be read. */
export class JournalReader {
  private readonly codec: FrameCodec
  private readonly segments: () => readonly Segment[]
  private readonly onDamage: (damage: JournalDamage) => void
  private at: { segment: Segment; file: FileHandle; cursor: SegmentCursor; reported: number } | null = null
  private next = -1

  constructor(codec: FrameCodec, segments: () => readonly Segment[], onDamage: (damage: JournalDamage) => void) {
    this.codec = codec
    this.segments = segments
    this.onDamage = onDamage
  }

  /** The records from an offset on, as many as the limits allow and are on the disk by now. */
  async read(from: number, limits: ReadLimits): Promise<ReadRange> {
    if (this.next !== from || !this.at) await this.seek(from)
    const records: SourceRecord[] = []
    let bytes = 0
    while (records.length < limits.maxRecords && bytes < limits.maxBytes) {
      const { segment, cursor } = this.at!
      const durable = segment.durable
      const frame = await cursor.next(durable.size)
      if (frame) {
        if (frame.record && frame.offset >= from) {
          this.lose(this.next, frame.offset)
          records.push(frame.record)
          bytes += frame.record.value.length + FRAME_HEADER_BYTES
        }
        this.next = Math.max(this.next, frame.offset + 1)
        continue
      }
      if (durable.next > this.next) {
        this.lose(this.next, durable.next)
        this.next = durable.next
      }
      const following = this.segments().find((other) => other.base > segment.base)
      if (!following) break
      await this.enter(following)
    }
    return { records, next: this.next }
  }

  async close(): Promise<void> {
    await this.at?.file.close()
    this.at = null
  }

  private async seek(offset: number): Promise<void> {
    const segments = this.segments()
    await this.enter(segments.findLast((segment) => segment.base <= offset) ?? segments[0]!)
    this.next = offset
    if (this.at!.segment.base > offset) {
      this.lose(offset, this.at!.segment.base)
      this.next = this.at!.segment.base
    }
  }

  private async enter(segment: Segment): Promise<void> {
    await this.close()
    const file = await open(segment.path, 'r')
    this.at = { segment, file, cursor: new SegmentCursor(file, this.codec, segment.base), reported: 0 }
  }

  private lose(from: number, to: number): void {
    if (to <= from) return
    const at = this.at!
    const bytes = at.cursor.skipped - at.reported
    at.reported = at.cursor.skipped
    this.onDamage({ kind: 'records', bytes, records: to - from, detail: `offsets ${from} to ${to - 1} in ${at.segment.path}` })
  }
}
