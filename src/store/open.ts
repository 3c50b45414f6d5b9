import { join } from 'node:path'
import type { Config } from '../config/schema.ts'
import { openChdb } from './chdb.ts'
import { openClickHouse } from './clickhouse.ts'
import type { RetryOptions } from './retry.ts'
import type { Store } from './store.ts'

/** What of a configuration says where the store is. */
export type StoreConfig = Pick<Config, 'store'> & { readonly data: Pick<Config['data'], 'directory'> }

/** The store that the configuration names: the server at `store.url`, else the embedded engine in `DATA/store`. `salt` and `onFailure`: see `StoreOptions`. */
export async function openStore(config: StoreConfig, salt: string, onFailure?: RetryOptions['onFailure']): Promise<Store> {
  const { url, username, password, database, cluster, retention, deduplicationWindow, requestTimeout } = config.store
  const options = { database, cluster: cluster ?? null, retention, deduplicationWindow, salt, ...(onFailure && { retry: { onFailure } }) }
  if (url === undefined) return openChdb(join(config.data.directory, 'store'), { ...options, cluster: null })
  return openClickHouse({ ...options, url, username, password, requestTimeout })
}
