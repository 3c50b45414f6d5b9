import type { Reader } from './reads.ts'

interface Totals {
  calls: number
  first: string
  last: string
  models: string[]
}

/** What the store knows of a stored identity, as JSON text; incidents are the very bytes that were stored. Totals are by the minute. */
export async function readPrincipal(store: Reader, id: string): Promise<string> {
  const [totals] = await store.query<Totals>(
    `SELECT sum(p.calls) AS calls, formatDateTime(min(p.minute), '%FT%TZ') AS first, formatDateTime(max(p.minute), '%FT%TZ') AS last,
            arraySort(groupUniqArray(100)(p.model_name)) AS models
     FROM principals_by_minute AS p WHERE p.principal = {id:String}`,
    { id },
  )
  const incidents = await store.query<{ alert: string }>(
    'SELECT alert FROM incidents FINAL WHERE subject = {id:String} OR has(members, {id:String}) ORDER BY time DESC, incident DESC LIMIT 50',
    { id },
  )
  const { calls, first, last, models } = totals!
  const head = JSON.stringify({ id, calls, first: calls > 0 ? first : null, last: calls > 0 ? last : null, models })
  return `${head.slice(0, -1)},"incidents":[${incidents.map(({ alert }) => alert).join(',')}]}`
}
