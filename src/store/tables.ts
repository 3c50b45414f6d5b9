/** Which option under `store.retention` says how long a table's rows are kept; null: a rule of its own, see the migration. */
export type Retention = 'calls' | 'aggregates' | 'deadLetters' | 'alerts' | null

export interface Table {
  readonly name: string
  readonly retention: Retention
  /** `rows`: written by us. `view`: filled by a materialized view only. */
  readonly filledBy: 'rows' | 'view'
}

/**
 * Every table that holds data. The order is the order of writing within one range and must never change for a range that is
 * still pending: what a crash leaves half written is then always a prefix, and a repeat completes it. `ranges` is the last: its row says
 * that everything before it is stored.
 */
export const tables = [
  { name: 'calls', retention: 'calls', filledBy: 'rows' },
  { name: 'calls_by_minute', retention: 'aggregates', filledBy: 'view' },
  { name: 'principals_by_minute', retention: 'aggregates', filledBy: 'view' },
  { name: 'principals_by_day', retention: 'aggregates', filledBy: 'view' },
  { name: 'tool_calls', retention: 'calls', filledBy: 'rows' },
  { name: 'training_samples', retention: 'calls', filledBy: 'rows' },
  { name: 'training_updates', retention: 'calls', filledBy: 'rows' },
  { name: 'metric_points', retention: 'calls', filledBy: 'rows' },
  { name: 'dead_letters', retention: 'deadLetters', filledBy: 'rows' },
  { name: 'dead_letter_replays', retention: 'deadLetters', filledBy: 'rows' },
  { name: 'observations', retention: 'calls', filledBy: 'rows' },
  { name: 'alerts', retention: 'alerts', filledBy: 'rows' },
  { name: 'incidents', retention: 'alerts', filledBy: 'view' },
  { name: 'actions', retention: 'alerts', filledBy: 'rows' },
  { name: 'webhook_deliveries', retention: 'alerts', filledBy: 'rows' },
  { name: 'checkpoints', retention: null, filledBy: 'rows' },
  { name: 'ranges', retention: null, filledBy: 'rows' },
] as const satisfies readonly Table[]

/** Tables that a batch may hold rows for, in the order of writing. `ranges` is written by the store itself. */
export const writeOrder: readonly string[] = tables
  .filter(({ name, filledBy }) => filledBy === 'rows' && name !== 'ranges')
  .map(({ name }) => name)

/** Bookkeeping: equal between two runs by its invariants, not by value (see docs/store.md). */
export const rangeTable = 'ranges'
