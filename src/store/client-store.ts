import { Readable } from 'node:stream'
import type { ClickHouseClient } from '@clickhouse/client'
import { reach } from '../crash-point.ts'
import { TidewatchError } from '../errors.ts'
import { storeError } from './faults.ts'
import { encodeRows, FORMAT_VERSION, insertSettings, insertStatement, rangeToken, token } from './insert.ts'
import { type MigrateOptions, migrate } from './migrate.ts'
import { type RetryOptions, Trouble } from './retry.ts'
import { proveDeduplication } from './self-check.ts'
import type { RangeKey, Row, Store, WriteBatch } from './store.ts'
import { rangeTable, writeOrder } from './tables.ts'

/** What both engines are told. */
export interface StoreOptions extends MigrateOptions {
  readonly database: string
  /** Names the group and the part of the configuration that changes results; goes into every token (`configHash`). */
  readonly salt: string
  readonly retry?: Partial<RetryOptions>
}

/** What differs between the engines: how a client is made. */
export interface Clients {
  readonly engine: Store['engine']
  readonly writer: ClickHouseClient
  /** Reads do not wait for writes where the engine runs one statement a connection. May be the writer. */
  readonly reader: ClickHouseClient
  createDatabase(): Promise<void>
}

const DEFAULT_RETRY: RetryOptions = { firstMs: 200, maxMs: 10_000 }

/** Numbers as numbers, times in UTC, whatever the server's profile says. */
const querySettings = { output_format_json_quote_64bit_integers: 0, date_time_output_format: 'simple' } as const

/** The store over a ClickHouse client. Both engines are this class. */
export class ClientStore implements Store {
  readonly engine: Store['engine']
  private readonly clients: Clients
  private readonly options: StoreOptions
  private readonly trouble = new Trouble()
  private knownSettings: Promise<Readonly<Record<string, string | number>>> | null = null

  constructor(clients: Clients, options: StoreOptions) {
    this.engine = clients.engine
    this.clients = clients
    this.options = options
  }

  async migrate(): Promise<void> {
    await this.clients.createDatabase().catch((error: unknown) => {
      throw storeError(error, `create the database ${this.options.database}`)
    })
    await migrate(this, this.options)
  }

  proveDeduplication(): Promise<void> {
    return proveDeduplication(this, this.options)
  }

  async write(batch: WriteBatch, signal?: AbortSignal): Promise<void> {
    for (const table in batch.rows)
      if (!writeOrder.includes(table)) throw new TidewatchError('TW_INTERNAL', `rows for the table ${table}, which is not one to write to`)
    const { topic, epoch, partition, first, last } = batch.range
    const parts = writeOrder.map((table) => [table, batch.rows[table] ?? []] as const).filter(([, rows]) => rows.length > 0)
    for (const [table, rows] of [...parts, [rangeTable, [{ topic, epoch, partition, first, last }]] as const]) {
      const encoded = await encodeRows(rows)
      const block = rangeToken(batch.base ?? { salt: this.options.salt, format: FORMAT_VERSION }, table, batch.range)
      reach(`before-${table}`)
      await this.trouble.persevere(() => this.send(table, encoded, block, signal), { ...DEFAULT_RETRY, ...this.options.retry }, signal)
      reach(`after-${table}`)
    }
  }

  async insert(table: string, rows: readonly Row[], name: string): Promise<void> {
    if (rows.length === 0) return
    await this.send(table, await encodeRows(rows), token(this.options.salt, table, name), undefined)
  }

  async lastRange(topic: string, epoch: string, partition: number): Promise<RangeKey | null> {
    const [row] = await this.query<{ first: number; last: number }>(
      `SELECT first, last FROM ${rangeTable}
       WHERE topic = {topic:String} AND epoch = {epoch:String} AND partition = {partition:UInt32}
       ORDER BY last DESC, first DESC LIMIT 1`,
      { topic, epoch, partition },
    )
    return row ? { topic, epoch, partition, first: row.first, last: row.last } : null
  }

  async query<T>(sql: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<T[]> {
    try {
      const result = await this.clients.reader.query({
        query: sql,
        format: 'JSONEachRow',
        query_params: { ...parameters },
        clickhouse_settings: querySettings,
      })
      return await result.json<T>()
    } catch (error) {
      throw storeError(error, 'query')
    }
  }

  async command(sql: string): Promise<void> {
    try {
      await this.clients.writer.command({ query: sql })
    } catch (error) {
      throw storeError(error, sql.trim().split(/\s+/).slice(0, 6).join(' '))
    }
  }

  problem(): string | null {
    return this.trouble.describe()
  }

  async ping(): Promise<boolean> {
    return (await this.clients.reader.ping()).success
  }

  async close(): Promise<void> {
    const { reader, writer } = this.clients
    await writer.close()
    if (reader !== writer) await reader.close()
  }

  private async send(
    table: string,
    encoded: { readonly columns: readonly string[]; readonly body: string },
    block: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      const settings = { ...(await this.settings()), insert_deduplication_token: block }
      const { stream } = await this.clients.writer.exec({
        query: insertStatement(table, encoded.columns, settings),
        values: Readable.from([encoded.body]),
        clickhouse_settings: { wait_end_of_query: 1 },
        ...(signal && { abort_signal: signal }),
      })
      for await (const _ of stream);
    } catch (error) {
      throw storeError(error, `insert into ${table}`)
    }
  }

  /** The insert settings that this engine knows: names came and went between versions, and an unknown one is an error. */
  private settings(): Promise<Readonly<Record<string, string | number>>> {
    this.knownSettings ??= this.query<{ name: string }>('SELECT name FROM system.settings WHERE name IN {names:Array(String)}', {
      names: Object.keys(insertSettings),
    }).then(
      (rows) => {
        const known = new Set(rows.map(({ name }) => name))
        return Object.fromEntries(Object.entries(insertSettings).filter(([name]) => known.has(name)))
      },
      (error) => {
        this.knownSettings = null
        throw error
      },
    )
    return this.knownSettings
  }
}
