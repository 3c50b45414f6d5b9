import type { JournalRecord } from './frame.ts'

/** Records that stand or fall together, waiting to be written. */
export interface PendingAppend {
  readonly records: readonly JournalRecord[]
  /** Bytes that they take in a segment. */
  readonly size: number
  readonly resolve: (range: { first: number; last: number }) => void
  readonly reject: (error: Error) => void
}

/** A group of this size does not wait for its time. */
const GROUP_BYTES = 8 * 2 ** 20

/**
 * Collects appends so that one fsync answers many. With an interval, a group waits that long for others; without one, what
 * arrives while a group is being written makes up the next.
 */
export class GroupCommit {
  private readonly interval: number
  private readonly write: (group: PendingAppend[]) => Promise<void>
  private pending: PendingAppend[] = []
  private pendingBytes = 0
  private timer: NodeJS.Timeout | null = null
  private writing: Promise<void> | null = null

  /** @param interval milliseconds, 0 for none. @param write settles every append of the group; never rejects. One call at a time. */
  constructor(interval: number, write: (group: PendingAppend[]) => Promise<void>) {
    this.interval = interval
    this.write = write
  }

  add(append: PendingAppend): void {
    this.pending.push(append)
    this.pendingBytes += append.size
    this.schedule()
  }

  /** Writes what waits, now, and resolves when it is settled. */
  async drain(): Promise<void> {
    while (this.writing || this.pending.length > 0) await (this.writing ?? this.begin())
  }

  private schedule(): void {
    if (this.writing || this.pending.length === 0) return
    if (this.interval === 0 || this.pendingBytes >= GROUP_BYTES) void this.begin()
    else this.timer ??= setTimeout(() => void this.begin(), this.interval)
  }

  private begin(): Promise<void> {
    if (this.timer) clearTimeout(this.timer)
    this.timer = null
    const group = this.pending
    this.pending = []
    this.pendingBytes = 0
    this.writing = this.write(group).finally(() => {
      this.writing = null
      this.schedule()
    })
    return this.writing
  }
}
