import { rm } from 'node:fs/promises'
import { TidewatchError } from '../../errors.ts'
import type { JournalDamage } from './damage.ts'
import { FrameCodec, type JournalRecord } from './frame.ts'
import { GroupCommit, type PendingAppend } from './group-commit.ts'
import { savePosition } from './position.ts'
import { JournalReader, type ReadLimits, type ReadRange } from './reader.ts'
import { recover } from './recovery.ts'
import type { Segment } from './segment.ts'
import { SegmentWriter } from './writer.ts'

export interface JournalOptions {
  /** Folder of its own; made when absent. One process at a time. */
  readonly directory: string
  readonly fsync: 'always' | 'interval' | 'never'
  /** Seconds that a group of appends waits for others, with `interval`. */
  readonly fsyncInterval: number
  readonly segmentBytes: number
  /** Bound on the bytes of all segments. */
  readonly maxBytes: number
  /** Given the committed offset, the first offset that must be kept. Absent: what is committed may go. */
  readonly lowWater?: (committed: number) => number
  readonly onDamage?: (damage: JournalDamage) => void
}

/**
 * An append-only log on disk: what the OTLP receiver answered with success, until it is stored. One writer, one consumer
 * whose position the journal keeps. Whatever the policy, a record is handed out only once it is on the disk, so that an offset
 * never comes to name another record after a power failure.
 */
export class Journal {
  readonly epoch: string
  private readonly options: JournalOptions
  private readonly codec: FrameCodec
  private readonly segmentBytes: number
  private readonly segments: Segment[]
  private readonly writer: SegmentWriter
  private readonly reader: JournalReader
  private readonly group: GroupCommit
  private readonly waiting = new Set<() => void>()
  private committedOffset: number
  private turn: Promise<unknown> = Promise.resolve()
  private full = false
  private closing: Promise<void> | null = null

  /** Opens or makes the journal of a folder, and repairs what a crash left. Throws TW_JOURNAL_CORRUPT where that cannot be done. */
  static async open(options: JournalOptions): Promise<Journal> {
    const { epoch, committed, segments, next, damages } = await recover(options.directory)
    const writer = await SegmentWriter.open(options.directory, epoch, segments)
    if (next > writer.next) {
      await writer.write(new FrameCodec(epoch).filler(next - 1), next)
      await writer.sync()
    }
    for (const damage of damages) options.onDamage?.(damage)
    return new Journal(options, epoch, committed, segments, writer)
  }

  private constructor(options: JournalOptions, epoch: string, committed: number, segments: Segment[], writer: SegmentWriter) {
    this.options = options
    this.epoch = epoch
    this.committedOffset = committed
    this.segments = segments
    this.writer = writer
    this.codec = new FrameCodec(epoch)
    // Space comes back by whole segments, so a small journal needs small ones.
    this.segmentBytes = Math.min(options.segmentBytes, Math.floor(options.maxBytes / 4))
    this.reader = new JournalReader(
      this.codec,
      () => this.segments,
      (damage) => options.onDamage?.(damage),
    )
    this.group = new GroupCommit(options.fsync === 'interval' ? options.fsyncInterval * 1000 : 0, (group) => this.writeGroup(group))
  }

  /** The first offset that is not committed. */
  get committed(): number {
    return this.committedOffset
  }

  /** The first offset that is still there. */
  get oldest(): number {
    return this.segments[0]!.base
  }

  /** The offset that the next record will get. */
  get next(): number {
    return this.writer.next
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.size, 0)
  }

  /** Why appends are refused, or null. */
  problem(): string | null {
    return this.writer.problem ?? (this.full ? 'the journal is full' : null)
  }

  /**
   * Appends records, all or none, and resolves as the fsync policy says. Rejects with TW_JOURNAL_FULL while there is no room,
   * TW_JOURNAL_UNWRITABLE when the disk fails, TW_TELEMETRY_TOO_LARGE when they could never fit.
   */
  append(records: readonly JournalRecord[]): Promise<{ first: number; last: number }> {
    if (this.closing) return Promise.reject(new TidewatchError('TW_JOURNAL_UNWRITABLE', 'it is closed'))
    const size = records.reduce((sum, record) => sum + this.codec.size(record), 0)
    if (size > this.options.maxBytes / 2) {
      return Promise.reject(new TidewatchError('TW_TELEMETRY_TOO_LARGE', `${size} bytes do not fit into the journal (journal.maxBytes)`))
    }
    return new Promise((resolve, reject) => this.group.add({ records, size, resolve, reject }))
  }

  /** The records from an offset on, as many as the limits allow; none where nothing stands there yet. One caller at a time. */
  async read(from: number, limits: ReadLimits): Promise<ReadRange> {
    if (this.options.fsync === 'never') await this.exclusive(() => this.writer.sync())
    return this.reader.read(from, limits)
  }

  /** Resolves once a record stands at the offset or after it, or the signal is aborted. */
  async reached(offset: number, signal: AbortSignal): Promise<void> {
    while (this.readable <= offset && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.waiting.delete(wake)
          signal.removeEventListener('abort', wake)
          resolve()
        }
        this.waiting.add(wake)
        signal.addEventListener('abort', wake)
      })
    }
  }

  /** Saves that everything before `next` is done, and frees the segments that nobody needs any more. */
  async commit(next: number): Promise<void> {
    await savePosition(this.options.directory, { epoch: this.epoch, next })
    this.committedOffset = next
    await this.release()
  }

  /** Writes what waits, forces it to the disk, and closes. Idempotent. */
  close(): Promise<void> {
    this.closing ??= (async () => {
      await this.group.drain()
      await this.exclusive(() => this.writer.close())
      await this.reader.close()
    })()
    return this.closing
  }

  /** Offset behind the last record that `read` will give. */
  private get readable(): number {
    return this.options.fsync === 'never' ? this.writer.next : this.writer.active.durable.next
  }

  private async release(): Promise<void> {
    const keepFrom = this.options.lowWater?.(this.committedOffset) ?? this.committedOffset
    while (this.segments.length > 1 && this.segments[0]!.durable.next <= keepFrom) {
      this.full = false
      await rm(this.segments.shift()!.path, { force: true })
    }
  }

  private writeGroup(group: PendingAppend[]): Promise<void> {
    return this.exclusive(async () => {
      while (group.length > 0) {
        const fitting = await this.takeFitting(group)
        if (fitting.length > 0) await this.writeFitting(fitting)
      }
      for (const wake of [...this.waiting]) wake()
    })
  }

  /** Takes from the front what goes into the last segment, after a new one was begun where it is full; settles what finds no room. */
  private async takeFitting(group: PendingAppend[]): Promise<PendingAppend[]> {
    const append = group[0]!
    try {
      if (this.writer.active.size + append.size > this.segmentBytes && this.writer.next > this.writer.active.base) {
        await this.writer.roll()
        await this.release()
      }
    } catch (error) {
      group.shift()
      append.reject(error as Error)
      return []
    }
    let room = this.options.maxBytes - this.bytes
    this.full = append.size > room
    if (this.full) {
      group.shift()
      append.reject(new TidewatchError('TW_JOURNAL_FULL', `${this.bytes} of ${this.options.maxBytes} bytes are taken`))
      return []
    }
    room = Math.min(room, Math.max(this.segmentBytes - this.writer.active.size, append.size))
    let count = 0
    for (; count < group.length && group[count]!.size <= room; count++) room -= group[count]!.size
    return group.splice(0, count)
  }

  private async writeFitting(appends: readonly PendingAppend[]): Promise<void> {
    const bytes = Buffer.allocUnsafeSlow(appends.reduce((sum, append) => sum + append.size, 0))
    const first = this.writer.next
    let at = 0
    let offset = first
    for (const { records } of appends) for (const record of records) at += this.codec.encode(bytes, at, offset++, record)
    try {
      await this.writer.write(bytes, offset)
      if (this.options.fsync !== 'never') await this.writer.sync()
    } catch (error) {
      for (const append of appends) append.reject(error as Error)
      return
    }
    offset = first
    for (const { records, resolve } of appends) {
      resolve({ first: offset, last: offset + records.length - 1 })
      offset += records.length
    }
  }

  /** Files are changed by one at a time. */
  private exclusive<T>(work: () => Promise<T>): Promise<T> {
    const run = this.turn.then(work)
    this.turn = run.catch(() => {})
    return run
  }
}
