import type { Config } from '../config/schema.ts'
import type { Store } from './store.ts'
import { tables } from './tables.ts'
import { onCluster } from './template.ts'

export interface SettingsOptions {
  /** Name of the cluster, null for a single node. */
  readonly cluster: string | null
  /** Seconds. */
  readonly retention: Config['store']['retention']
  /** Blocks a table remembers. */
  readonly deduplicationWindow: number
}

/** A replicated table remembers a block for a limited time as well: as long as Kafka keeps a committed offset by default. */
const WINDOW_SECONDS = 7 * 86_400

/** The settings that make tables of this kind recognise a repeated block. */
export function windowSettings({ cluster, deduplicationWindow }: SettingsOptions): Record<string, number> {
  return cluster === null
    ? { non_replicated_deduplication_window: deduplicationWindow }
    : { replicated_deduplication_window: deduplicationWindow, replicated_deduplication_window_seconds: WINDOW_SECONDS }
}

/** What the engine says of each data table: name to its engine clause. */
export async function engineClauses(store: Pick<Store, 'query'>): Promise<Map<string, string>> {
  const rows = await store.query<{ name: string; engine_full: string }>(
    'SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() AND name IN {names:Array(String)}',
    { names: tables.map(({ name }) => name) },
  )
  return new Map(rows.map((row) => [row.name, row.engine_full]))
}

/** Value of a table setting as an engine clause shows it; null where it is the server's default. */
export function settingOf(clause: string, name: string): number | null {
  const [, value] = new RegExp(`\\b${name} = (\\d+)`).exec(clause) ?? []
  return value === undefined ? null : Number(value)
}

/**
 * Brings retention and deduplication window of every table to what the configuration says. Changes only what differs, so a start
 * without a change costs one query.
 */
export async function applySettings(store: Pick<Store, 'query' | 'command'>, options: SettingsOptions): Promise<void> {
  const clauses = await engineClauses(store)
  const cluster = onCluster(options.cluster)
  for (const { name, retention } of tables) {
    const clause = clauses.get(name) ?? ''
    const changed = Object.entries(windowSettings(options)).filter(([setting, value]) => settingOf(clause, setting) !== value)
    if (changed.length > 0)
      await store.command(
        `ALTER TABLE ${name} ${cluster} MODIFY SETTING ${changed.map(([setting, value]) => `${setting} = ${value}`).join(', ')}`,
      )
    if (retention === null) continue
    const seconds = Math.ceil(options.retention[retention])
    if (!clause.includes(`TTL stored + toIntervalSecond(${seconds})`))
      await store.command(`ALTER TABLE ${name} ${cluster} MODIFY TTL stored + INTERVAL ${seconds} SECOND`)
  }
}
