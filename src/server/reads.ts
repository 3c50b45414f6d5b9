import type { Alert } from '../decisions/alert.ts'
import { newest } from '../delivery/delivery-log.ts'
import { deliveryTable } from '../delivery/outbox.ts'
import type { Store } from '../store/store.ts'
import { isoMicros } from '../telemetry/time.ts'
import { type Cursor, encodeCursor } from './cursor.ts'

/**
 * What the API reads from the store. Values reach SQL only as bound parameters. A row that a repeated write left twice
 * counts once (`LIMIT 1 BY`, `GROUP BY`), whatever the engine has merged so far.
 */

export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

export interface AlertFilter {
  readonly category?: string | undefined
  readonly detector?: string | undefined
  readonly model?: string | undefined
  /** `open` is everything that is not resolved. */
  readonly open?: boolean | undefined
  /** Part of the title, of a subject's or member's id, or an incident's id; letter case does not matter. */
  readonly q?: string | undefined
  readonly status?: string | undefined
  readonly severity?: string | undefined
  readonly subject?: string | undefined
  /** Microseconds. */
  readonly since?: number | undefined
}

export type Reader = Pick<Store, 'query'>

/** Order of the changes of an incident that share a microsecond. */
const STATUS_RANK = "indexOf(['opened', 'updated', 'resolved'], toString(status))"

/** The page's place as a time of the engine. */
const BEFORE = "fromUnixTimestamp64Micro({time:Int64}, 'UTC')"

export interface Positioned {
  micros: number
  key: string
}

export function pageOf<Row extends Positioned, T>(rows: Row[], limit: number, item: (row: Row) => T): Page<T> {
  const last = rows.length > limit ? rows[limit - 1]! : null
  return {
    items: rows.slice(0, limit).map(item),
    next: last === null ? null : encodeCursor({ time: last.micros, key: last.key }),
  }
}

/** Conditions of a filter with their parameters; a filter without a value sets no condition. */
function conditions(filter: AlertFilter): { sql: string[]; parameters: Record<string, unknown> } {
  const sql: string[] = []
  const parameters: Record<string, unknown> = {}
  for (const column of ['category', 'status', 'severity', 'subject'] as const) {
    if (filter[column] === undefined) continue
    sql.push(`${column} = {${column}:String}`)
    parameters[column] = filter[column]
  }
  if (filter.model !== undefined) {
    sql.push('model = {model:String}')
    parameters.model = filter.model
  }
  if (filter.detector !== undefined) {
    sql.push('has(detectors, {detector:String})')
    parameters.detector = filter.detector
  }
  if (filter.open !== undefined) sql.push(`status ${filter.open ? '!=' : '='} 'resolved'`)
  if (filter.q !== undefined) {
    sql.push(`(positionCaseInsensitiveUTF8(title, {q:String}) > 0 OR incident = {q:String}
      OR arrayExists(member -> positionCaseInsensitiveUTF8(member, {q:String}) > 0, members))`)
    parameters.q = filter.q
  }
  if (filter.since !== undefined) {
    sql.push("time >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')")
    parameters.since = filter.since
  }
  return { sql, parameters }
}

/** Alerts as JSON texts, the very bytes that were stored, newest first. The page is found on narrow columns, the texts are read for it only. */
export async function readAlerts(store: Reader, filter: AlertFilter, limit: number, before: Cursor): Promise<Page<string>> {
  const { sql, parameters } = conditions(filter)
  const where = [...sql, `(time, id) < (${BEFORE}, {key:String})`]
  const rows = await store.query<Positioned & { alert: string }>(
    `SELECT toUnixTimestamp64Micro(time) AS micros, id AS key, alert FROM alerts
     WHERE (time, id) IN (
       SELECT DISTINCT time, id FROM alerts WHERE ${where.join(' AND ')} ORDER BY time DESC, id DESC LIMIT {limit:UInt32}
     ) ORDER BY time DESC, id DESC LIMIT 1 BY id`,
    { ...parameters, ...place(before), limit: limit + 1 },
  )
  return pageOf(rows, limit, (row) => row.alert)
}

/**
 * The newest alert of each incident, incidents that changed last first. Filters speak of that newest alert. The page is found on narrow
 * columns, the texts are read for it only.
 */
export async function readIncidents(store: Reader, filter: AlertFilter, limit: number, before: Cursor): Promise<Page<string>> {
  const { sql, parameters } = conditions(filter)
  const where = [...sql, `(time, incident) < (${BEFORE}, {key:String})`]
  const rows = await store.query<Positioned & { alert: string }>(
    `SELECT toUnixTimestamp64Micro(time) AS micros, incident AS key, alert FROM incidents FINAL
     WHERE incident IN (
       SELECT incident FROM incidents FINAL WHERE ${where.join(' AND ')} ORDER BY time DESC, incident DESC LIMIT {limit:UInt32}
     ) ORDER BY time DESC, incident DESC`,
    { ...parameters, ...place(before), limit: limit + 1 },
  )
  return pageOf(rows, limit, (row) => row.alert)
}

export interface IncidentCounts {
  readonly total: number
  readonly open: number
  /** Open ones by severity. */
  readonly severities: Readonly<Record<string, number>>
  /** Open ones by category. */
  readonly categories: Readonly<Record<string, number>>
}

/** How many incidents the filter finds. */
export async function countIncidents(store: Reader, filter: AlertFilter): Promise<IncidentCounts> {
  const { sql, parameters } = conditions(filter)
  const rows = await store.query<{ severity: string; category: string; open: number; total: number }>(
    `SELECT severity, category, countIf(status != 'resolved') AS open, count() AS total FROM incidents FINAL
     ${sql.length > 0 ? `WHERE ${sql.join(' AND ')}` : ''} GROUP BY severity, category`,
    parameters,
  )
  const sums = (column: 'severity' | 'category') => {
    const found: Record<string, number> = {}
    for (const row of rows) if (row.open > 0) found[row[column]] = (found[row[column]] ?? 0) + row.open
    return found
  }
  const sum = (column: 'open' | 'total') => rows.reduce((all, row) => all + row[column], 0)
  return { total: sum('total'), open: sum('open'), severities: sums('severity'), categories: sums('category') }
}

/** Every alert of an incident, oldest first, as JSON texts; none when there is no such incident. */
export async function readIncident(store: Reader, incident: string): Promise<string[]> {
  const rows = await store.query<{ alert: string }>(
    `SELECT alert FROM alerts WHERE incident = {incident:String} ORDER BY time, ${STATUS_RANK}, id LIMIT 1 BY id LIMIT 1000`,
    { incident },
  )
  return rows.map((row) => row.alert)
}

export interface RelatedIncident {
  readonly incident: string
  readonly status: Alert['status']
  readonly severity: Alert['severity']
  readonly title: string
}

/** Incidents that `newest`, the last alert of an incident, refers to or that refer to it; the one that was opened last first, at most 50. */
export function readRelated(store: Reader, newest: Alert): Promise<RelatedIncident[]> {
  return store.query<RelatedIncident & Record<string, unknown>>(
    `SELECT incident, status, severity, title FROM incidents FINAL
     WHERE incident != {incident:String}
       AND (incident IN {known:Array(String)} OR has(related, {incident:String}))
     ORDER BY opened DESC, incident LIMIT 50`,
    { incident: newest.incident, known: (newest.related ?? []).map(({ incident }) => incident) },
  )
}

export interface DeliveryFilter {
  readonly state?: string | undefined
  readonly target?: string | undefined
  readonly incident?: string | undefined
}

interface DeliveryRow extends Positioned {
  id: string
  target: string
  incident: string
  state: string
  attempts: number
  changed: number
  http_status: number
  reason: string
}

/** Deliveries in their newest state, those of the newest alerts first. */
export async function readDeliveries(store: Reader, filter: DeliveryFilter, limit: number, before: Cursor) {
  const wanted = (['state', 'target', 'incident'] as const).filter((column) => filter[column] !== undefined)
  const where = [...wanted.map((column) => `${column} = {${column}:String}`), '(micros, key) < ({time:Int64}, {key:String})']
  const rows = await store.query<DeliveryRow>(
    `SELECT * FROM (
       SELECT d.id AS id, d.target AS target, concat(id, '/', target) AS key, any(d.incident) AS incident,
              toUnixTimestamp64Micro(min(d.created)) AS micros, max(d.attempt) AS attempts, ${newest('state')} AS state,
              toUnixTimestamp64Micro(${newest('updated')}) AS changed, ${newest('http_status')} AS http_status, ${newest('reason')} AS reason
       FROM ${deliveryTable} AS d GROUP BY d.id, d.target
     ) WHERE ${where.join(' AND ')} ORDER BY micros DESC, key DESC LIMIT {limit:UInt32}`,
    { ...filter, ...place(before), limit: limit + 1 },
  )
  return pageOf(rows, limit, (row) => ({
    id: row.id,
    target: row.target,
    incident: row.incident,
    state: row.state,
    attempts: row.attempts,
    created: isoMicros(row.micros),
    updated: isoMicros(row.changed),
    httpStatus: row.http_status,
    reason: row.reason,
  }))
}

export function place(before: Cursor): { time: number; key: string } {
  return { time: before.time, key: before.key }
}
