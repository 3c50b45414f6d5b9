import { errorCode } from '../errors.ts'
import type { SourceRecord } from '../sources/source.ts'
import type { Store } from '../store/store.ts'
import {
  type Checkpoint,
  type CheckpointRows,
  checkpointRows,
  checkpointScope,
  listCheckpoints,
  loadCheckpoint,
  storeParts,
} from './checkpoints.ts'
import type { Stage } from './stage.ts'

/** When a checkpoint is due: whatever comes first, counted in the log and not by the clock. */
export interface CheckpointPolicy {
  readonly records: number
  readonly bytes: number
  /** Seconds of event time. */
  readonly eventTime: number
  /** A checkpoint is not due before this much, or its own size if that is less, was read since the last one. */
  readonly mostBytes: number
  /** Seconds of append time after which one is due however little was read: before the log forgets what a restart would read again. */
  readonly appendTime: number
}

/** What a record takes besides its value, about. */
const RECORD_OVERHEAD = 64

export interface CheckpointingOptions {
  readonly store: Pick<Store, 'query' | 'insert'>
  /** Keeps deployments apart that share a store. */
  readonly group: string
  readonly policy: CheckpointPolicy
  /** Told of every checkpoint that cannot be used; an older one is tried, then the log. */
  readonly onUnusable?: (error: Error) => void
}

/** Decides when the state of one ordered log is saved, and finds it again. */
export class Checkpointing {
  private readonly options: CheckpointingOptions
  private scope = ''
  /** Newest last, at most two. */
  private kept: Checkpoint[] = []
  private next = 0
  private records = 0
  private bytes = 0
  private since: number | null = null
  /** Append times of the first and the last record since the last checkpoint, milliseconds. */
  private appended: { first: number; last: number } | null = null

  constructor(options: CheckpointingOptions) {
    this.options = options
  }

  /**
   * First offset of the log that a restart needs, even if the newest checkpoint turns out to be damaged: the one behind the last but one.
   */
  get lowWater(): number {
    return this.kept.length < 2 ? 0 : this.kept[0]!.offset + 1
  }

  /**
   * Stages with the newest state that can be used and is not ahead of the last stored offset, and the offset it stands at; null
   * where there is none. To be called once, before anything else, for the one partition there is.
   */
  async restore<S extends Stage>(
    topic: string,
    epoch: string,
    partition: number,
    stored: number,
    createStages: () => S,
  ): Promise<{ readonly stages: S; readonly offset: number } | null> {
    const { store, group, onUnusable } = this.options
    this.scope = checkpointScope(group, topic, epoch, partition)
    const all = await listCheckpoints(store, this.scope)
    this.next = Math.max(-1, ...all.map(({ sequence }) => sequence)) + 1
    for (const checkpoint of all.filter(({ offset }) => offset <= stored)) {
      try {
        const stages = createStages()
        stages.restore(await loadCheckpoint(store, this.scope, checkpoint))
        this.kept = [checkpoint]
        this.next = checkpoint.sequence + 1
        this.since = stages.watermark
        return { stages, offset: checkpoint.offset }
      } catch (error) {
        if (errorCode(error) !== 'TW_STATE_MISMATCH') throw error
        onUnusable?.(error as Error)
      }
    }
    return null
  }

  /** Counts a record that went through the stages. */
  note(record: SourceRecord): void {
    this.records++
    this.appended = { first: this.appended?.first ?? record.timestamp, last: record.timestamp }
    this.bytes += record.value.length + RECORD_OVERHEAD
  }

  due(watermark: number | null): boolean {
    const { records, bytes, eventTime, mostBytes, appendTime } = this.options.policy
    if (this.appended && this.appended.last - this.appended.first >= appendTime * 1000) return true
    this.since ??= watermark
    const passed = watermark === null ? 0 : (watermark - this.since!) / 1e6
    if (this.records < records && this.bytes < bytes && passed < eventTime) return false
    return this.bytes >= Math.min(this.kept.at(-1)?.size ?? 0, mostBytes)
  }

  /** The state after the record at `offset`, to be stored with the range that ends there. */
  rows(stages: Stage, offset: number): CheckpointRows {
    return checkpointRows(this.scope, { offset, sequence: this.next }, stages.snapshot())
  }

  /** Stores all but the manifest, which goes with the range. */
  storeParts(rows: CheckpointRows): Promise<void> {
    return storeParts(this.options.store, this.scope, rows)
  }

  /** Tells that a checkpoint is stored, its manifest too: counting begins anew. */
  stored(checkpoint: Checkpoint, watermark: number | null): void {
    this.kept = [...this.kept, checkpoint].slice(-2)
    this.next = checkpoint.sequence + 1
    this.records = 0
    this.bytes = 0
    this.appended = null
    this.since = watermark
  }

  /** Saves the state outside of any range, so that the next start has nothing to replay. One attempt; throws what the store throws. */
  async save(stages: Stage, offset: number): Promise<void> {
    if (this.records === 0) return
    const rows = this.rows(stages, offset)
    await this.storeParts(rows)
    await this.options.store.insert('checkpoints', [rows.manifest], `${this.scope}${offset}/${rows.manifest.checksum}`)
    this.stored(rows.checkpoint, stages.watermark)
  }
}
