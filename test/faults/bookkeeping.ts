import { listCheckpoints, loadCheckpoint } from '../../src/stages/checkpoints.ts'
import type { Store } from '../../src/store/store.ts'

interface RangeRow {
  topic: string
  epoch: string
  partition: number
  first: number
  last: number
}

/**
 * What must hold of the tables that are not compared by value, a line for each breach: the ranges of a partition follow on each other without gap or
 * overlap and stand there once; at least one checkpoint of each scope can be read, and none is ahead of the ranges; every pending delivery has an end.
 */
export async function bookkeeping(store: Pick<Store, 'query'>): Promise<string[]> {
  return [...(await ranges(store)), ...(await checkpoints(store)), ...(await deliveries(store))]
}

async function ranges(store: Pick<Store, 'query'>): Promise<string[]> {
  const rows = await store.query<RangeRow>(
    'SELECT topic, epoch, partition, first, last FROM ranges ORDER BY topic, epoch, partition, first, last',
  )
  return rows.flatMap((row, index) => {
    const before = rows[index - 1]
    if (row.last < row.first) return [`ranges: ${JSON.stringify(row)} ends before it begins`]
    if (!before || before.topic !== row.topic || before.epoch !== row.epoch || before.partition !== row.partition) return []
    return row.first === before.last + 1 ? [] : [`ranges: ${JSON.stringify(row)} does not follow on ${JSON.stringify(before)}`]
  })
}

async function checkpoints(store: Pick<Store, 'query'>): Promise<string[]> {
  const keys = await store.query<{ key: string }>("SELECT key FROM checkpoints FINAL WHERE endsWith(key, '/manifest')")
  const scopes = new Set(keys.map(({ key }) => key.replace(/[01]\/manifest$/, '')))
  const found: string[] = []
  for (const scope of scopes) {
    const newest = (await listCheckpoints(store, scope))[0]
    if (!newest) found.push(`checkpoints: no manifest of ${scope} can be read`)
    else await loadCheckpoint(store, scope, newest).catch((error: Error) => found.push(`checkpoints: ${error.message}`))
    const [, topic, epoch, partition] = scope.split('/').map(decodeURIComponent)
    const [row] = await store.query<{ last: number }>(
      'SELECT max(last) AS last FROM ranges WHERE topic = {topic:String} AND epoch = {epoch:String} AND partition = {partition:UInt32}',
      { topic, epoch, partition: Number(partition) },
    )
    if (newest && newest.offset > row!.last) found.push(`checkpoints: ${scope} stands at ${newest.offset}, ranges end at ${row!.last}`)
  }
  return found
}

async function deliveries(store: Pick<Store, 'query'>): Promise<string[]> {
  const rows = await store.query<{ id: string }>(
    "SELECT id FROM webhook_deliveries GROUP BY id, target HAVING countIf(state = 'delivered') = 0 OR countIf(state = 'dead') > 0 LIMIT 3",
  )
  return rows.map(({ id }) => `webhook_deliveries: ${id} has no delivered row`)
}
