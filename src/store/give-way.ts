import type { Store } from './store.ts'
import { type Retention, tables } from './tables.ts'

/** What was dropped, and how much disk it took. */
export interface GivenWay {
  readonly table: string
  /** When its youngest row was stored, seconds since the epoch. */
  readonly until: number
  readonly bytes: number
}

type Reclaiming = Pick<Store, 'query' | 'command'>

/**
 * Tables in the order in which they give way, by what `store.retention` calls them: what telemetry itself said, refused records, counts; alerts and what
 * was done about them last. Checkpoints and ranges never: a restart needs them.
 */
const order: readonly NonNullable<Retention>[] = ['calls', 'deadLetters', 'aggregates', 'alerts']

/**
 * Drops the oldest data of the embedded engine until that frees `bytes`, or nothing is left that may go; tells each step after it was done. Steps:
 * 1. whole partitions (weeks) but the newest of each table, oldest first, in the order of the tables;
 * 2. the newest partitions, in the same order;
 * 3. of the tables that have no partitions (alerts, their incidents, deliveries, actions) the older half of what is settled.
 * Age is when the youngest row of a partition was stored, as for retention.
 */
export async function giveWay(store: Reclaiming, bytes: number, onStep: (step: GivenWay) => void): Promise<void> {
  let freed = 0
  const note = (step: GivenWay) => {
    freed += step.bytes
    onStep(step)
  }
  for (const newestToo of [false, true]) {
    for (const retention of order) {
      for (const partition of await partitionsOf(store, retention, newestToo)) {
        if (freed >= bytes) return
        await store.command(`ALTER TABLE ${partition.table} DROP PARTITION ID '${partition.id}'`)
        note(partition)
      }
    }
  }
  for (const { table, settled } of byAge) {
    if (freed >= bytes) return
    const step = await halve(store, table, settled)
    if (step) note(step)
  }
}

interface Partition extends GivenWay {
  readonly id: string
}

/** Whole partitions of the tables of one retention, oldest first. */
async function partitionsOf(store: Reclaiming, retention: Retention, newestToo: boolean): Promise<Partition[]> {
  const found: Partition[] = []
  for (const { name } of tables.filter(
    (table) => table.retention === retention && !byAge.some(({ table: other }) => other === table.name),
  )) {
    const sizes = await store.query<{ id: string; bytes: number }>(
      `SELECT partition_id AS id, sum(bytes_on_disk) AS bytes FROM system.parts
       WHERE database = currentDatabase() AND table = {table:String} AND active AND partition_id != 'all' GROUP BY partition_id`,
      { table: name },
    )
    if (sizes.length === 0) continue
    const [time] = await store.query<{ name: string }>(
      "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String} AND name IN ('time', 'minute', 'day')",
      { table: name },
    )
    const ages = await store.query<{ id: string; until: number }>(
      `SELECT _partition_id AS id, toUnixTimestamp(max(stored)) AS until FROM ${name} GROUP BY id ORDER BY until, max(${time?.name ?? 'stored'})`,
    )
    const own = ages.map(({ id, until }) => ({ table: name, id, until, bytes: sizes.find((size) => size.id === id)?.bytes ?? 0 }))
    found.push(...(newestToo ? own : own.slice(0, -1)))
  }
  return found.sort((a, b) => a.until - b.until)
}

/** Tables without partitions, and which of their rows nobody waits for any more. */
const byAge: readonly { readonly table: string; readonly settled: string }[] = [
  { table: 'dead_letter_replays', settled: 'true' },
  {
    table: 'webhook_deliveries',
    settled: "(target, id) IN (SELECT target, id FROM webhook_deliveries WHERE state IN ('delivered', 'dead', 'skipped'))",
  },
  { table: 'actions', settled: 'true' },
  { table: 'alerts', settled: "incident IN (SELECT incident FROM incidents FINAL WHERE status = 'resolved')" },
  { table: 'incidents', settled: "status = 'resolved'" },
]

/** Deletes the older half of a table's settled rows; null where there are none. */
async function halve(store: Reclaiming, table: string, settled: string): Promise<GivenWay | null> {
  // One part, and one row a key: what is deleted must not uncover what it replaced.
  await store.command(`OPTIMIZE TABLE ${table} FINAL`)
  const [middle] = await store.query<{ rows: number; until: number }>(
    `SELECT count() AS rows, toUnixTimestamp(quantileExactLow(0.5)(stored)) AS until FROM ${table} WHERE ${settled}`,
  )
  if (!middle || middle.rows === 0) return null
  const before = await bytesOf(store, table)
  await store.command(
    `ALTER TABLE ${table} DELETE WHERE toUnixTimestamp(stored) <= ${middle.until} AND ${settled} SETTINGS mutations_sync = 1`,
  )
  return { table, until: middle.until, bytes: Math.max(0, before - (await bytesOf(store, table))) }
}

async function bytesOf(store: Reclaiming, table: string): Promise<number> {
  const [size] = await store.query<{ bytes: number }>(
    'SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE database = currentDatabase() AND table = {table:String} AND active',
    { table },
  )
  return size?.bytes ?? 0
}
