import { open } from 'node:fs/promises'
import { TidewatchError } from '../../errors.ts'
import { type OrderedLog, OrderedLogSource } from '../ordered-log.ts'
import type { RecordedLog } from '../recorded-log.ts'
import type { SourceBatch } from '../source.ts'
import { SegmentCursor } from './cursor.ts'
import { FrameCodec } from './frame.ts'
import { JournalReader } from './reader.ts'
import { listSegments, type Segment, segmentEpoch } from './segment.ts'
import { JOURNAL_TOPIC } from './source.ts'

/** Milliseconds of the time that records were received: from the first on, up to and without the second. Null: no bound. */
export interface ReceivedSpan {
  readonly from: number | null
  readonly to: number | null
}

/** What a journal holds, for reading only: whoever writes it may go on, and nothing is repaired. */
export interface RecordedJournal {
  /** The oldest offset that is there; 0: nothing was given up yet. */
  readonly oldest: number
  /** When the oldest record was received, milliseconds; null where there is none. */
  readonly oldestReceived: number | null
  /** The records of a span that stood there when it was opened, as a log that is read anew. Offsets that cannot be read are told. */
  source(span: ReceivedSpan, onDamage?: (records: number) => void): RecordedLog
}

const LIMITS = { maxBytes: 4 * 2 ** 20, maxRecords: 1000 }

/** Opens what stands in a journal's folder; null where there is none. Throws TW_SOURCE_UNREADABLE where it cannot be read. */
export async function openRecordedJournal(directory: string): Promise<RecordedJournal | null> {
  try {
    const segments = await listSegments(directory)
    const [first] = segments
    const epoch = first && (await firstKnown(segments))
    if (!first || !epoch) return null
    const end = await endOf(segments.at(-1)!, epoch)
    const oldest = await firstFrame(segments, epoch)
    return {
      oldest: first.base,
      oldestReceived: oldest,
      source(span, onDamage = () => {}) {
        const log = new SpanLog(epoch, segments, end, span, onDamage)
        return Object.assign(new OrderedLogSource(log), { progress: () => log.progress() })
      },
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new TidewatchError('TW_SOURCE_UNREADABLE', `${directory}: ${(error as Error).message}`, { cause: error })
  }
}

async function firstKnown(segments: readonly Segment[]): Promise<string | null> {
  for (const segment of segments) {
    const epoch = await segmentEpoch(segment)
    if (epoch !== null) return epoch
  }
  return null
}

/** The offset behind the last whole record; what a writer is writing at the moment is not taken. Sets where the segment ends. */
async function endOf(last: Segment, epoch: string): Promise<number> {
  let next = last.base
  await eachFrame(last, epoch, ({ offset }) => {
    next = offset + 1
    return true
  })
  last.durable = { size: last.size, next }
  return next
}

async function firstFrame(segments: readonly Segment[], epoch: string): Promise<number | null> {
  let received: number | null = null
  for (const segment of segments) {
    await eachFrame(segment, epoch, ({ record }) => {
      received = record?.timestamp ?? null
      return received === null
    })
    if (received !== null) break
  }
  return received
}

type Frame = NonNullable<Awaited<ReturnType<SegmentCursor['next']>>>

async function eachFrame(segment: Segment, epoch: string, goOn: (frame: Frame) => boolean): Promise<void> {
  const file = await open(segment.path, 'r')
  try {
    const cursor = new SegmentCursor(file, new FrameCodec(epoch), segment.base)
    for (let frame = await cursor.next(segment.size); frame && goOn(frame); ) frame = await cursor.next(segment.size)
  } finally {
    await file.close()
  }
}

class SpanLog implements OrderedLog {
  readonly name = 'journal'
  readonly topic = JOURNAL_TOPIC
  private readonly epoch: string
  private readonly reader: JournalReader
  private readonly span: ReceivedSpan
  private readonly first: number
  private readonly end: number
  private next: number

  constructor(epoch: string, segments: readonly Segment[], end: number, span: ReceivedSpan, onDamage: (records: number) => void) {
    this.epoch = epoch
    this.span = span
    this.first = segments[0]!.base
    this.next = this.first
    this.end = end
    this.reader = new JournalReader(
      new FrameCodec(epoch),
      () => segments,
      ({ records }) => onDamage(records ?? 0),
    )
  }

  async open(): Promise<void> {}

  async read(): Promise<SourceBatch | null> {
    const { from, to } = this.span
    while (this.next < this.end) {
      const first = this.next
      const { records, next } = await this.reader.read(first, LIMITS)
      if (next === first) break
      this.next = next
      const chosen = records.filter(({ timestamp }) => (from === null || timestamp >= from) && (to === null || timestamp < to))
      if (chosen.length > 0) return { topic: JOURNAL_TOPIC, epoch: this.epoch, partition: 0, first, last: next - 1, records: chosen }
    }
    return null
  }

  async commit(): Promise<void> {}

  lag(): number {
    return this.end - this.next
  }

  close(): Promise<void> {
    return this.reader.close()
  }

  progress(): number {
    return this.end === this.first ? 1 : Math.min(1, (this.next - this.first) / (this.end - this.first))
  }
}
