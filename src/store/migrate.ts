import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode, TidewatchError } from '../errors.ts'
import { applySettings, type SettingsOptions } from './settings.ts'
import type { Store } from './store.ts'
import { statements } from './template.ts'

export interface MigrateOptions extends SettingsOptions {
  /** Folder of the migrations; the own one where absent. */
  readonly migrations?: URL
}

export interface Migration {
  readonly number: number
  readonly name: string
  /** SHA-256 of the template, so that another cluster name is no change. */
  readonly checksum: string
  readonly template: string
}

const ownMigrations = new URL('./migrations/', import.meta.url)

/** Reads `NNN_name.sql`, in order. */
export async function readMigrations(folder: URL = ownMigrations): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => /^\d{3}_\w+\.sql$/.test(file)).sort()
  return Promise.all(
    files.map(async (file) => {
      const template = (await readFile(new URL(file, folder), 'utf8')).replaceAll('\r\n', '\n')
      const checksum = createHash('sha256').update(template).digest('hex')
      return { number: Number(file.slice(0, 3)), name: file.slice(4, -4), checksum, template }
    }),
  )
}

/** Attempts at one migration, when members that start at once take away what the others just made. */
const ATTEMPTS = 6
/** Milliseconds before the second attempt, at least; later ones wait longer. */
const RETRY = 60

/**
 * Applies the migrations that are missing, then retention and deduplication windows. Every statement may be repeated, so a crash
 * in the middle does no harm; of several members that start at once, one that fails looks whether another was done, and repeats. Throws TW_STORE_MIGRATION_CHANGED when an applied file reads
 * differently now, or when a newer Tidewatch has been here.
 */
export async function migrate(store: Pick<Store, 'query' | 'command'>, options: MigrateOptions): Promise<void> {
  const migrations = await readMigrations(options.migrations)
  const [record] = statements(
    `CREATE TABLE IF NOT EXISTS _migrations {{onCluster}} (number UInt32, name String, checksum String, applied DateTime('UTC') DEFAULT now())
     ENGINE = {{engine}}ReplacingMergeTree ORDER BY number`,
    options.cluster,
  )
  await store.command(record!)
  const readApplied = () => store.query<Omit<Migration, 'template'>>('SELECT number, name, checksum FROM _migrations FINAL ORDER BY number')
  const applied = await readApplied()
  for (const { number, name, checksum } of applied) {
    const file = migrations.find((migration) => migration.number === number)
    if (!file)
      throw new TidewatchError('TW_STORE_MIGRATION_CHANGED', `${number} ${name} was applied by another version and is not known here`)
    if (file.checksum !== checksum) throw new TidewatchError('TW_STORE_MIGRATION_CHANGED', `${number} ${name}`)
  }
  for (const migration of migrations) {
    if (applied.some(({ number }) => number === migration.number)) continue
    for (let attempt = 1; !(await readApplied()).some(({ number }) => number === migration.number); attempt++) {
      try {
        await apply(store, migration, options)
      } catch (error) {
        if (errorCode(error) !== 'TW_STORE_REFUSED' || attempt === ATTEMPTS) throw error
        await sleep(RETRY * attempt * (1 + Math.random()))
      }
    }
  }
  await applySettings(store, options)
}

async function apply(store: Pick<Store, 'command'>, { number, name, checksum, template }: Migration, { cluster }: MigrateOptions) {
  for (const statement of statements(template, cluster)) await store.command(statement)
  await store.command(`INSERT INTO _migrations (number, name, checksum) VALUES (${number}, '${name}', '${checksum}')`)
}
