import { isoMicros } from '../telemetry/time.ts'
import type { Cursor } from './cursor.ts'
import { type Page, type Positioned, pageOf, place, type Reader } from './reads.ts'

export interface ActionFilter {
  readonly kind?: string | undefined
  readonly incident?: string | undefined
}

interface ActionRow extends Positioned {
  incident: string
  kind: string
  by: string
  note: string
  until_micros: number | null
  verdict: string
  about: string
}

export interface ShownAction {
  readonly id: string
  readonly incident: string
  readonly kind: string
  readonly by: string
  readonly time: string
  readonly note: string
  readonly until: string | null
  readonly verdict: string | null
  /** A population, or an announced change, where it is not about an incident. */
  readonly about: Readonly<Record<string, unknown>>
}

/** What people did, newest first. */
export async function readActions(store: Reader, filter: ActionFilter, limit: number, before: Cursor): Promise<Page<ShownAction>> {
  const wanted = (['kind', 'incident'] as const).filter((column) => filter[column] !== undefined)
  const where = [...wanted.map((column) => `${column} = {${column}:String}`), '(micros, key) < ({time:Int64}, {key:String})']
  const rows = await store.query<ActionRow>(
    `SELECT toUnixTimestamp64Micro(time) AS micros, id AS key, incident, kind, by, note, toUnixTimestamp64Micro(until) AS until_micros, verdict, about
     FROM actions WHERE ${where.join(' AND ')} ORDER BY micros DESC, key DESC LIMIT 1 BY key LIMIT {limit:UInt32}`,
    { ...filter, ...place(before), limit: limit + 1 },
  )
  return pageOf(rows, limit, (row) => ({
    id: row.key,
    incident: row.incident,
    kind: row.kind,
    by: row.by,
    time: isoMicros(row.micros),
    note: row.note,
    until: row.until_micros === null ? null : isoMicros(row.until_micros),
    verdict: row.verdict === '' ? null : row.verdict,
    about: JSON.parse(row.about) as Record<string, unknown>,
  }))
}
