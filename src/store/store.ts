/**
 * Where calls, alerts and bookkeeping are kept: one interface, one SQL, two engines (embedded chDB, ClickHouse server).
 */

/** The frozen range of a log that caused rows; part of every deduplication token. */
export interface RangeKey {
  readonly topic: string
  readonly epoch: string
  readonly partition: number
  readonly first: number
  readonly last: number
}

/** What makes the tokens of a range besides its place. A range that was begun is finished with the same, whatever changed meanwhile. */
export interface TokenBase {
  /** Names the group and what of the configuration changes results. */
  readonly salt: string
  /** `FORMAT_VERSION` of the process that began the range. */
  readonly format: number
}

export type Row = Readonly<Record<string, unknown>>

/** All rows that one range of a log caused. Written table by table in the fixed order of `tables.ts`, the range row last. */
export interface WriteBatch {
  readonly range: RangeKey
  /** Table name to rows; empty lists are skipped. */
  readonly rows: Readonly<Record<string, readonly Row[]>>
  /** Absent: what the store was opened with. */
  readonly base?: TokenBase
}

export interface Store {
  /** `chdb` or `clickhouse`. */
  readonly engine: 'chdb' | 'clickhouse'
  /** Applies the migrations that are missing. Throws TW_STORE_MIGRATION_CHANGED. */
  migrate(): Promise<void>
  /** Inserts a probe twice and refuses to start (TW_STORE_NO_DEDUPLICATION) unless source and materialized views count it once. */
  proveDeduplication(): Promise<void>
  /**
   * Writes a batch exactly once however often it is repeated with the same range and rows. Retries passing faults with backoff until
   * `signal` aborts, then throws TW_STORE_UNAVAILABLE; what is stored by then is a prefix that a repeat completes.
   */
  write(batch: WriteBatch, signal?: AbortSignal): Promise<void>
  /** Why readiness is refused (the store does not answer and writes wait, since when and why), or null when all is well. */
  problem(): string | null
  /**
   * Inserts rows outside of any range (webhook deliveries). `token` makes a repeat harmless. One attempt: throws TW_STORE_UNAVAILABLE
   * where a repeat may succeed, TW_STORE_REFUSED where it cannot.
   */
  insert(table: string, rows: readonly Row[], token: string): Promise<void>
  /** Last stored range of a partition, null when the store knows nothing. Old ranges are rolled up: only `last` is exact then. */
  lastRange(topic: string, epoch: string, partition: number): Promise<RangeKey | null>
  /**
   * Rows of a SELECT, which must end without FORMAT. Parameters are bound as `{name:Type}`. 64-bit integers come as numbers (use
   * `toString` for hashes and sums beyond 2^53), times as text in UTC.
   */
  query<T>(sql: string, parameters?: Readonly<Record<string, unknown>>): Promise<T[]>
  command(sql: string): Promise<void>
  ping(): Promise<boolean>
  close(): Promise<void>
}
