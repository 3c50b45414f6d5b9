import { randomBytes } from 'node:crypto'
import { TidewatchError } from '../errors.ts'
import { engineClauses, type SettingsOptions, settingOf, windowSettings } from './settings.ts'
import type { Store } from './store.ts'
import { tables } from './tables.ts'
import { onCluster, statements } from './template.ts'

/** Probes that a crash left behind are removed after this long; a younger one may belong to another member. */
const STALE_SECONDS = 3_600

/**
 * Proves that a repeated insert counts once, in the table and in what a materialized view makes of it, and that an insert with another
 * token counts besides. Then checks that every table has its window. Throws TW_STORE_NO_DEDUPLICATION and leaves nothing behind.
 */
export async function proveDeduplication(store: Pick<Store, 'query' | 'command' | 'insert'>, options: SettingsOptions): Promise<void> {
  await removeStaleProbes(store, options.cluster)
  const probe = `_probe_${randomBytes(6).toString('hex')}`
  const settings = Object.entries(windowSettings(options))
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ')
  try {
    for (const statement of statements(
      `CREATE TABLE ${probe} {{onCluster}} (day Date, amount UInt64) ENGINE = {{engine}}MergeTree PARTITION BY day ORDER BY day SETTINGS ${settings};
       CREATE TABLE ${probe}_sums {{onCluster}} (day Date, amount SimpleAggregateFunction(sum, UInt64))
         ENGINE = {{engine}}AggregatingMergeTree ORDER BY day SETTINGS ${settings};
       CREATE MATERIALIZED VIEW ${probe}_view {{onCluster}} TO ${probe}_sums AS SELECT day, sum(${probe}.amount) AS amount FROM ${probe} GROUP BY day;`,
      options.cluster,
    ))
      await store.command(statement)
    const rows = [
      { day: '2020-01-01', amount: 1 },
      { day: '2020-01-02', amount: 2 },
    ]
    for (const token of ['a', 'a', 'b', 'a']) await store.insert(probe, rows, token)
    const [seen] = await store.query<{ rows: number; sums: number }>(
      `SELECT (SELECT sum(amount) FROM ${probe}) AS rows, (SELECT sum(amount) FROM ${probe}_sums) AS sums`,
    )
    if (seen?.rows !== 6 || seen.sums !== 6)
      throw new TidewatchError(
        'TW_STORE_NO_DEDUPLICATION',
        `a probe of 6 that was repeated counts ${seen?.rows} in its table and ${seen?.sums} in its view`,
      )
  } finally {
    await drop(store, [`${probe}_view`, `${probe}_sums`, probe], options.cluster)
  }
  await checkWindows(store, options)
}

async function checkWindows(store: Pick<Store, 'query'>, options: SettingsOptions): Promise<void> {
  const clauses = await engineClauses(store)
  for (const { name } of tables)
    for (const setting of Object.keys(windowSettings(options)))
      if (!settingOf(clauses.get(name) ?? '', setting))
        throw new TidewatchError('TW_STORE_NO_DEDUPLICATION', `the table ${name} has no ${setting}`)
}

async function removeStaleProbes(store: Pick<Store, 'query' | 'command'>, cluster: string | null): Promise<void> {
  const stale = await store.query<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, '_probe_')
     AND metadata_modification_time < now() - {seconds:UInt32} ORDER BY endsWith(name, '_view') DESC`,
    { seconds: STALE_SECONDS },
  )
  await drop(
    store,
    stale.map(({ name }) => name),
    cluster,
  )
}

async function drop(store: Pick<Store, 'command'>, names: readonly string[], cluster: string | null): Promise<void> {
  for (const name of names) await store.command(`DROP TABLE IF EXISTS ${name} ${onCluster(cluster)} SYNC`)
}
