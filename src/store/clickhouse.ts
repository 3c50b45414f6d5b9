import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { ClientStore, type StoreOptions } from './client-store.ts'
import { identifier } from './insert.ts'
import { onCluster } from './template.ts'

export interface ServerOptions extends StoreOptions {
  /** `http(s)://user:password@host:8123/database`; user, password and database may be missing. */
  readonly url: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Deadline of one statement, seconds. */
  readonly requestTimeout: number
}

/** A store on a ClickHouse server or cluster. Connects with the first statement, so this does not fail when the server is away. */
export function openClickHouse(options: ServerOptions): ClientStore {
  const url = new URL(options.url)
  const database = decodeURIComponent(url.pathname.slice(1)) || options.database
  const connection = {
    url: url.origin,
    username: decodeURIComponent(url.username) || options.username || 'default',
    password: decodeURIComponent(url.password) || options.password || '',
    request_timeout: options.requestTimeout * 1000,
    compression: { request: true, response: true },
    application: 'tidewatch',
    // Errors are thrown; whoever catches them logs.
    log: { level: ClickHouseLogLevel.OFF },
  }
  const client = createClient({ ...connection, database })
  const createDatabase = async () => {
    // The database of a connection has to exist, so its making takes one of its own.
    const first = createClient(connection)
    try {
      const found = await first.query({
        query: 'SELECT name FROM system.databases WHERE name = {database:String}',
        query_params: { database },
        format: 'JSONEachRow',
      })
      if ((await found.json()).length > 0) return
      await first.command({ query: `CREATE DATABASE IF NOT EXISTS ${identifier(database)} ${onCluster(options.cluster)}` })
    } finally {
      await first.close()
    }
  }
  return new ClientStore({ engine: 'clickhouse', writer: client, reader: client, createDatabase }, options)
}
