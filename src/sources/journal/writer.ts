import { type FileHandle, open } from 'node:fs/promises'
import { TidewatchError } from '../../errors.ts'
import { createSegment, type Segment } from './segment.ts'

/**
 * Appends bytes to the last segment. A write that fails leaves nothing behind. After a failed fsync nobody knows what the disk
 * holds, so the writer refuses everything from then on.
 */
export class SegmentWriter {
  private readonly directory: string
  private readonly epoch: string
  private readonly segments: Segment[]
  private file: FileHandle
  private broken: TidewatchError | null = null
  /** Offset behind the last written record. */
  next: number

  /** @param segments oldest first; the writer adds to the list when it begins a segment. */
  static async open(directory: string, epoch: string, segments: Segment[]): Promise<SegmentWriter> {
    return new SegmentWriter(directory, epoch, segments, await open(segments.at(-1)!.path, 'r+'))
  }

  private constructor(directory: string, epoch: string, segments: Segment[], file: FileHandle) {
    this.directory = directory
    this.epoch = epoch
    this.segments = segments
    this.file = file
    this.next = segments.at(-1)!.durable.next
  }

  get active(): Segment {
    return this.segments.at(-1)!
  }

  get problem(): string | null {
    return this.broken?.message ?? null
  }

  /** Appends frames; `next` is the offset behind them. They are on the disk only after `sync`. */
  async write(bytes: Buffer, next: number): Promise<void> {
    if (this.broken) throw this.broken
    const { active } = this
    try {
      for (let done = 0; done < bytes.length; ) {
        done += (await this.file.write(bytes, done, bytes.length - done, active.size + done)).bytesWritten
      }
    } catch (error) {
      await this.file.truncate(active.size).catch((cause) => this.fail(cause))
      throw writeError(error)
    }
    active.size += bytes.length
    this.next = next
  }

  /** Forces what was written to the disk. */
  async sync(): Promise<void> {
    if (this.broken) throw this.broken
    const { active } = this
    if (active.durable.next === this.next) return
    await this.file.datasync().catch((error) => {
      throw this.fail(error)
    })
    active.durable = { size: active.size, next: this.next }
  }

  /** Seals the last segment and begins the next one. */
  async roll(): Promise<void> {
    await this.sync()
    try {
      const segment = await createSegment(this.directory, this.epoch, this.next)
      const file = await open(segment.path, 'r+')
      await this.file.close()
      this.file = file
      this.segments.push(segment)
    } catch (error) {
      throw writeError(error)
    }
  }

  async close(): Promise<void> {
    if (!this.broken) await this.sync()
    await this.file.close()
  }

  private fail(cause: unknown): TidewatchError {
    this.broken = new TidewatchError('TW_JOURNAL_UNWRITABLE', (cause as Error).message, { cause })
    return this.broken
  }
}

function writeError(cause: unknown): TidewatchError {
  const { code, message } = cause as NodeJS.ErrnoException
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  return new TidewatchError(full ? 'TW_JOURNAL_FULL' : 'TW_JOURNAL_UNWRITABLE', message, { cause })
}
