import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type ClickHouseClient, type ClickHouseClientConfigOptions, createClient } from '@clickhouse/client'
import { TidewatchError } from '../errors.ts'
import { ClientStore, type StoreOptions } from './client-store.ts'
import { storeError } from './faults.ts'
import { identifier } from './insert.ts'

type ConnectionModule = Pick<typeof import('chdb/connection'), 'createChdbConnection'>

/**
 * Opens the embedded engine over a folder (made when absent). One process a folder, one folder a process: throws TW_STORE_BUSY when
 * another process has it, TW_STORE_ENGINE_MISSING when the optional dependency chdb is not there or does not load.
 */
export async function openChdb(
  folder: string,
  options: StoreOptions,
  load: () => Promise<ConnectionModule> = () => import('chdb/connection'),
): Promise<ClientStore> {
  await mkdir(folder, { recursive: true })
  const module = await load().catch((error: unknown) => {
    throw new TidewatchError('TW_STORE_ENGINE_MISSING', error instanceof Error ? error.message.split('\n')[0]! : String(error), {
      cause: error,
    })
  })
  // A connection runs one statement at a time: with one of its own, a long query does not hold up the writes.
  const writer = connect(module, folder)
  let reader: ClickHouseClient | null = null
  try {
    reader = connect(module, folder)
    await writer.command({ query: `CREATE DATABASE IF NOT EXISTS ${identifier(options.database)}` })
    for (const client of [writer, reader]) await client.command({ query: `USE ${identifier(options.database)}` })
    return new ClientStore({ engine: 'chdb', writer, reader, createDatabase: async () => {} }, options)
  } catch (error) {
    await writer.close()
    await reader?.close()
    throw storeError(error, `open ${folder}`)
  }
}

function connect(module: ConnectionModule, folder: string): ClickHouseClient {
  try {
    // Its types leave out `undefined` where the client's allow it; both are pinned and the tests run the pair.
    const connection = module.createChdbConnection({ path: resolve(folder) }) as unknown as ClickHouseClientConfigOptions['connection']
    return createClient({ connection: connection! })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (/lock|already running|one active data directory/i.test(message)) throw new TidewatchError('TW_STORE_BUSY', folder, { cause: error })
    if (/native binding|libchdb/i.test(message)) throw new TidewatchError('TW_STORE_ENGINE_MISSING', message, { cause: error })
    throw storeError(error, `open ${folder}`)
  }
}
