import type { Row, Store, WriteBatch } from './store.ts'

/** Tables whose rows say which record of the log they come from. */
const positioned = ['calls', 'tool_calls', 'training_samples', 'training_updates', 'metric_points', 'dead_letters']

/** What names a row in the tables where no position does. */
const identities: Readonly<Record<string, readonly string[]>> = {
  observations: ['detector', 'population', 'subject_kind', 'subject', 'ref', 'events'],
  alerts: ['id'],
  actions: ['id'],
  webhook_deliveries: ['id', 'target'],
}

/**
 * The rows of a range that the store does not hold yet. For a range that somebody began to write so long ago that the engine may have forgotten its
 * blocks (`store.deduplicationWindow`): it would take them a second time. Tables that keep the newest row of a key are left as they are. Throws
 * the store's error.
 */
export async function unstored(
  store: Pick<Store, 'query'>,
  { range: { topic, epoch, partition }, rows }: Pick<WriteBatch, 'range' | 'rows'>,
): Promise<WriteBatch['rows']> {
  const left: Record<string, readonly Row[]> = {}
  for (const [table, all] of Object.entries(rows)) {
    left[table] = all
    if (all.length === 0) continue
    if (positioned.includes(table)) {
      const found = await store.query<Row>(
        `SELECT offset, event_index FROM ${table} WHERE topic = {topic:String} AND epoch = {epoch:String}
         AND partition = {partition:UInt32} AND offset BETWEEN {from:UInt64} AND {to:UInt64}`,
        { topic, epoch, partition, ...bounds(all, 'offset') },
      )
      left[table] = without(all, found, ['offset', 'event_index'])
      continue
    }
    const names = identities[table]
    if (!names) continue
    // Rows that are sought may lie anywhere between the first and the last of them.
    const time = table === 'webhook_deliveries' ? 'created' : 'time'
    const found = await store.query<Row>(
      `SELECT ${names.join(', ')} FROM ${table} WHERE ${time} BETWEEN ${timeOf(table, 'from')} AND ${timeOf(table, 'to')}`,
      bounds(all, time),
    )
    left[table] = without(all, found, names)
  }
  return left
}

/** Alerts give their times as text, the others as microseconds. */
function timeOf(table: string, parameter: string): string {
  return table === 'alerts'
    ? `parseDateTime64BestEffort({${parameter}:String}, 6, 'UTC')`
    : `fromUnixTimestamp64Micro({${parameter}:Int64}, 'UTC')`
}

function without(all: readonly Row[], found: readonly Row[], names: readonly string[]): Row[] {
  const keyOf = (row: Row) => JSON.stringify(names.map((name) => String(row[name])))
  const known = new Set(found.map(keyOf))
  return all.filter((row) => !known.has(keyOf(row)))
}

/** Least and greatest value of a column of numbers, or of texts that sort as what they mean. */
function bounds(rows: readonly Row[], column: string): { from: unknown; to: unknown } {
  const sorted = rows.map((row) => row[column] as number).sort((a, b) => (a < b ? -1 : 1))
  return { from: sorted[0], to: sorted.at(-1) }
}
