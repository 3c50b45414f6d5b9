import type { Store } from '../store/store.ts'
import { newest } from './delivery-log.ts'
import { deliveryTable } from './outbox.ts'

/** Which deliveries are sent again: one alert's, or what fits all of the rest. Times are microseconds of event time. */
export interface Selection {
  readonly id?: string | undefined
  readonly target?: string | undefined
  readonly since?: number | undefined
  readonly state?: 'delivered' | 'dead' | 'skipped' | undefined
}

/** A delivery that is sent again. */
export interface Replayed {
  readonly id: string
  readonly target: string
}

interface SettledRow extends Replayed {
  incident: string
  created: number
  ordinal: number
  body: string
  attempts: number
}

/** Most deliveries of one replay. */
export const MOST_REPLAYED = 10_000

/**
 * Makes deliveries that were settled (delivered, given up, skipped) pending again: same id, same body, a new count of age. What waits already is left
 * alone. `targets`: the receivers that exist. A repeat before anything was sent writes nothing twice.
 */
export async function replayDeliveries(
  store: Pick<Store, 'query' | 'insert'>,
  targets: readonly string[],
  { id, target, since, state }: Selection,
  now: number,
): Promise<Replayed[]> {
  const where = [
    'd.target IN {targets:Array(String)}',
    ...(id === undefined ? [] : ['d.id = {id:String}']),
    ...(since === undefined ? [] : ["d.created >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')"]),
  ]
  const rows = await store.query<SettledRow>(
    `SELECT d.id AS id, d.target AS target, any(d.incident) AS incident, toUnixTimestamp64Micro(min(d.created)) AS created,
            min(d.ordinal) AS ordinal, anyIf(d.body, d.state = 'pending') AS body, max(d.attempt) AS attempts
     FROM ${deliveryTable} AS d WHERE ${where.join(' AND ')}
     GROUP BY d.id, d.target HAVING ${newest('state')} IN {states:Array(String)} AND body != ''
     ORDER BY created, ordinal, id LIMIT {limit:UInt32}`,
    {
      ...(id === undefined ? {} : { id }),
      ...(since === undefined ? {} : { since }),
      targets: target === undefined ? targets : targets.filter((name) => name === target),
      states: state === undefined ? ['delivered', 'dead', 'skipped'] : [state],
      limit: MOST_REPLAYED,
    },
  )
  const again = rows.map(({ attempts, ...row }) => ({
    ...row,
    state: 'pending',
    attempt: attempts + 1,
    updated: now * 1_000,
    http_status: 0,
    reason: 'replayed',
  }))
  await store.insert(deliveryTable, again, `replay/${JSON.stringify(again.map((row) => [row.id, row.target, row.attempt]))}`)
  return rows.map((row) => ({ id: row.id, target: row.target }))
}
