import { mkdir, readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { TidewatchError } from '../errors.ts'
import { identifier } from './insert.ts'
import type { Store } from './store.ts'
import { tables } from './tables.ts'

const EXTENSION = '.native.zst'
const views = ['calls_by_minute_view', 'principals_by_minute_view', 'principals_by_day_view', 'incidents_view']

/** A file as the engine reads and writes it: ClickHouse's Native format, compressed. */
function source(directory: string, table: string): string {
  const path = join(resolve(directory), `${table}${EXTENSION}`)
  return `file('${path.replace(/[\\']/g, '\\$&')}', 'Native')`
}

/**
 * Writes every data table of an embedded store into a folder, one file for each that has rows. A file holds what was stored when it was begun: for one point over
 * all tables nobody may write ranges meanwhile. Throws TW_REQUEST_INVALID for a store on a server, which has backups of its own.
 */
export async function copyStore(store: Store, directory: string): Promise<void> {
  if (store.engine !== 'chdb') throw new TidewatchError('TW_REQUEST_INVALID', 'the store is on a server: use the BACKUP of ClickHouse')
  await mkdir(directory, { recursive: true })
  for (const { name } of tables) {
    const [row] = await store.query<{ rows: number }>(`SELECT count() AS rows FROM ${name}`)
    // The engine cannot read the file that it makes of nothing.
    if (row!.rows > 0) await store.command(`INSERT INTO FUNCTION ${source(directory, name)} SELECT * FROM ${name}`)
  }
}

/** Fills an empty embedded store, migrated, from such a folder. Columns and tables that are newer than the copy get their defaults. */
export async function fillStore(store: Store, directory: string): Promise<void> {
  const files = new Set(await readdir(directory))
  // Aggregates are in the copy themselves, and reach further back than what they were made from.
  for (const view of views) await store.command(`DETACH TABLE ${identifier(view)}`)
  try {
    for (const { name } of tables) {
      if (!files.has(`${name}${EXTENSION}`)) continue
      const file = source(directory, name)
      const described = await store.query<{ name: string }>(`DESCRIBE TABLE ${file}`)
      const columns = described.map((column) => identifier(column.name)).join(', ')
      // Rows go in as they were, not merged already.
      const settings = 'max_partitions_per_insert_block = 0, optimize_on_insert = 0'
      await store.command(`INSERT INTO ${name} (${columns}) SETTINGS ${settings} SELECT ${columns} FROM ${file}`)
    }
  } finally {
    for (const view of views) await store.command(`ATTACH TABLE ${identifier(view)}`)
  }
}
