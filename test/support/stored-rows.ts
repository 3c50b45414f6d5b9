import type { Store } from '../../src/store/store.ts'
import { tables } from '../../src/store/tables.ts'

/** Where ranges are cut and state is saved says nothing about data; what was put into the log again stands in the log. */
const bookkeeping: readonly string[] = ['ranges', 'checkpoints', 'dead_letter_replays']

/** Tables that hold what the log caused. */
export const dataTables = tables.map(({ name }) => name).filter((name) => !bookkeeping.includes(name))

/**
 * Every row of every data table as text, sorted, `stored` left out: equal for two stores exactly when no row is missing, twice or other.
 * Views are merged as readers see them. Of webhook deliveries the states after `pending` depend on the receiver and are left out.
 */
export async function storedRows(store: Pick<Store, 'query'>): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {}
  for (const table of dataTables) {
    const rows = await store.query<Record<string, unknown>>(selectOf(table))
    found[table] = rows.map((row) => JSON.stringify(row)).sort()
  }
  return found
}

function selectOf(table: string): string {
  switch (table) {
    case 'calls_by_minute':
      return `SELECT * EXCEPT (stored, principals, fingerprints), ${counted('principals', 'fingerprints')} FROM ${table} FINAL`
    case 'principals_by_minute':
      return `SELECT * EXCEPT (stored, fingerprints, skeletons), ${counted('fingerprints', 'skeletons')} FROM ${table} FINAL`
    case 'principals_by_day':
    case 'incidents':
      return `SELECT * EXCEPT (stored) FROM ${table} FINAL`
    case 'webhook_deliveries':
      return "SELECT * EXCEPT (stored) FROM webhook_deliveries WHERE state = 'pending'"
    default:
      return `SELECT * EXCEPT (stored) FROM ${table}`
  }
}

/** States of counts have several forms for one value. */
function counted(...columns: readonly string[]): string {
  return columns.map((column) => `finalizeAggregation(${column}) AS counted_${column}`).join(', ')
}

/** What two stores differ in, a line a table, short enough to be read; empty where they hold the same. */
export function differences(found: Record<string, string[]>, expected: Record<string, string[]>): string[] {
  return Object.keys(expected).flatMap((table) => {
    const known = new Set(expected[table])
    const there = new Set(found[table])
    const surplus = found[table]!.filter((row) => !known.has(row))
    const missing = expected[table]!.filter((row) => !there.has(row))
    const counts = `${table}: ${found[table]!.length} rows, expected ${expected[table]!.length}`
    if (surplus.length + missing.length > 0)
      return [`${counts}; surplus ${surplus[0]?.slice(0, 400)}; missing ${missing[0]?.slice(0, 400)}`]
    return found[table]!.length === expected[table]!.length ? [] : [counts]
  })
}
