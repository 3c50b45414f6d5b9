import type { Store } from '../store/store.ts'
import type { Event } from '../telemetry/events.ts'
import { eventTables, type StoredRow } from './stored-events.ts'

/** Event time, microseconds: from the first on, up to and without the second. Null: no bound. */
export interface StoredSpan {
  readonly from: number | null
  readonly to: number | null
}

export interface StoredEvents {
  readonly total: number
  /**
   * Events in the order in which they were processed: within a partition of a log by their place; of several partitions the one whose event time has
   * come less far comes first (no append times are stored). Each list has at least one event.
   */
  events(): AsyncGenerator<readonly Event[]>
}

type Reading = Pick<Store, 'query'>

interface Log {
  readonly topic: string
  readonly epoch: string
  readonly partition: number
}

/** Whole rows in one answer: their number is what holds the event loop. */
const PAGE_ROWS = 5000

/** The stored events of a span of time. */
export async function storedEvents(store: Reading, span: StoredSpan): Promise<StoredEvents> {
  const counts = await Promise.all(
    Object.keys(eventTables).map(async (table) => ({
      table,
      logs: await store.query<Log & { rows: number }>(
        `SELECT topic, epoch, partition, count() AS rows FROM ${table} WHERE ${within(span)} GROUP BY topic, epoch, partition`,
        bounds(span),
      ),
    })),
  )
  const logs = new Map<string, { readonly log: Log; readonly tables: string[] }>()
  for (const { table, logs: found } of counts) {
    for (const { topic, epoch, partition } of found) {
      const key = JSON.stringify([topic, epoch, partition])
      const known = logs.get(key) ?? { log: { topic, epoch, partition }, tables: [] }
      known.tables.push(table)
      logs.set(key, known)
    }
  }
  const ordered = [...logs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, log]) => log)
  return {
    total: counts.reduce((sum, { logs: found }) => sum + found.reduce((rows, log) => rows + log.rows, 0), 0),
    events: () => merged(ordered.map(({ log, tables }) => new LogCursor(store, log, tables, span))),
  }
}

function within({ from, to }: StoredSpan): string {
  const micros = (name: string) => `fromUnixTimestamp64Micro({${name}:Int64}, 'UTC')`
  return [from === null ? '1' : `time >= ${micros('from')}`, to === null ? '1' : `time < ${micros('to')}`].join(' AND ')
}

function bounds({ from, to }: StoredSpan): Record<string, number> {
  return { ...(from !== null && { from }), ...(to !== null && { to }) }
}

async function* merged(cursors: readonly LogCursor[]): AsyncGenerator<readonly Event[]> {
  for (;;) {
    for (const cursor of cursors) await cursor.fill()
    const [first, second] = [...cursors].sort((a, b) => a.time - b.time)
    if (!first || first.time === Number.POSITIVE_INFINITY) return
    const events: Event[] = []
    // Cursors that have come equally far keep their order.
    do events.push(first.take())
    while (first.ready && (!second || first.time < second.time))
    yield events
  }
}

/** One partition of a log: its tables merged by place. */
class LogCursor {
  private readonly tables: readonly TableCursor[]
  private latest = 0

  constructor(store: Reading, log: Log, tables: readonly string[], span: StoredSpan) {
    this.tables = tables.map((table) => new TableCursor(store, table, log, span))
  }

  async fill(): Promise<void> {
    for (const table of this.tables) await table.fill()
  }

  /** Whether the next event is known: no table has to be asked first. */
  get ready(): boolean {
    return this.tables.every(({ head, exhausted }) => head || exhausted) && this.tables.some(({ head }) => head)
  }

  /** Event time that it has come to with the next event; infinite at the end. */
  get time(): number {
    const next = this.next()
    return next ? Math.max(this.latest, next.head!.micros) : Number.POSITIVE_INFINITY
  }

  take(): Event {
    const next = this.next()!
    this.latest = Math.max(this.latest, next.head!.micros)
    return next.take()
  }

  private next(): TableCursor | undefined {
    let first: TableCursor | undefined
    for (const table of this.tables) if (table.head && (!first || isBefore(table.head, first.head!))) first = table
    return first
  }
}

function isBefore(a: StoredRow, b: StoredRow): boolean {
  return a.offset < b.offset || (a.offset === b.offset && a.event_index < b.event_index)
}

/** The rows of one table and partition, by place, page after page. */
class TableCursor {
  exhausted = false
  private readonly store: Reading
  private readonly table: string
  private readonly parameters: Readonly<Record<string, unknown>>
  private readonly span: StoredSpan
  private pending: StoredRow[] = []
  private taken = 0
  private behind = { offset: -1, index: -1 }

  constructor(store: Reading, table: string, log: Log, span: StoredSpan) {
    this.store = store
    this.table = table
    this.span = span
    this.parameters = { ...log, ...bounds(span) }
  }

  get head(): StoredRow | undefined {
    return this.pending[this.taken]
  }

  async fill(): Promise<void> {
    if (this.head || this.exhausted) return
    const { offset, index } = this.behind
    this.pending = await this.store.query<StoredRow>(
      `SELECT * EXCEPT (time, stored), toUnixTimestamp64Micro(time) AS micros${this.table === 'metric_points' ? ', toString(value) AS value_text' : ''}
       FROM ${this.table}
       WHERE topic = {topic:String} AND epoch = {epoch:String} AND partition = {partition:UInt32} AND ${within(this.span)}
         AND offset >= {fromOffset:Int64} AND (offset > {fromOffset:Int64} OR event_index > {fromIndex:Int64})
       ORDER BY offset, event_index LIMIT ${PAGE_ROWS}`,
      { ...this.parameters, fromOffset: offset, fromIndex: index },
    )
    this.taken = 0
    this.exhausted = this.pending.length === 0
    const last = this.pending.at(-1)
    if (last) this.behind = { offset: last.offset, index: last.event_index }
  }

  take(): Event {
    return eventTables[this.table]!.event(this.pending[this.taken++]!)
  }
}
