import type { Signal } from '../telemetry/otlp/records.ts'

/** One record as it stood in the log: one OTLP export request, protobuf or JSON. */
export interface SourceRecord {
  readonly offset: number
  /** Append time, milliseconds since the epoch; 0 where the log keeps none. */
  readonly timestamp: number
  /** What the topic, path or file name says of the content; null where it says nothing. */
  readonly signal: Signal | null
  readonly value: Uint8Array
  readonly headers: Readonly<Record<string, string>>
}

/** Records of one partition, offsets ascending. `first` and `last` frame the range even where records between are missing (compaction, control records). */
export interface SourceBatch {
  readonly topic: string
  readonly epoch: string
  readonly partition: number
  readonly first: number
  readonly last: number
  readonly records: readonly SourceRecord[]
}

export interface PartitionLag {
  readonly topic: string
  readonly partition: number
  /** Records not yet committed. */
  readonly records: number
}

/**
 * Called for one batch at a time per partition. Resolves when everything the batch caused is stored; a rejection makes the source deliver the batch
 * again, and one with `PlaceLost` makes it ask `resume` before.
 */
export type BatchHandler = (batch: SourceBatch, context: BatchContext) => Promise<void>

export interface BatchContext {
  /** Tells the log that we live (Kafka heartbeat); call it inside long work. Throws when the partition was taken away. */
  heartbeat(): Promise<void>
  /** False once the partition belongs to somebody else. */
  owned(): boolean
}

/** Rejection of a handler that does not stand any more where the batch begins: only `resume` tells where to go on. */
export class PlaceLost extends Error {
  override readonly name = 'PlaceLost'
}

/** What a source asks when it starts. */
export interface StartOptions {
  /**
   * The first offset to deliver of a partition that the source is about to read; one that the log no longer holds means the oldest that it
   * does. Null: nothing is known, and what the source committed counts. A source that cannot go to a place delivers from before it.
   */
  readonly resume?: (topic: string, epoch: string, partition: number) => Promise<number | null>
  /** Told of all partitions that this process holds, whenever a group of consumers dealt them out. */
  readonly assigned?: (partitions: readonly { readonly topic: string; readonly partition: number }[]) => void
}

/**
 * Where telemetry comes from. The same suite (`test/sources/conformance.ts`) runs over every implementation.
 * A batch counts as done only after the handler resolved; then the source commits `last + 1`.
 */
export interface Source {
  readonly name: string
  /** Resolves when batches can arrive. Throws TW_SOURCE_UNAVAILABLE when it cannot start. */
  start(handler: BatchHandler, options?: StartOptions): Promise<void>
  /** Stops delivery without losing the place; idempotent. */
  pause(): void
  resume(): void
  lag(): Promise<readonly PartitionLag[]>
  /** Drains the batch in work, commits it, leaves. Idempotent. */
  stop(): Promise<void>
  /** Resolves when a source that has an end (files) is exhausted and its last batch is committed; never for the others. */
  readonly ended: Promise<void>
  /** Why readiness is refused, or null when all is well. */
  problem(): string | null
}
