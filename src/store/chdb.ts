import { mkdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type ClickHouseClient, type ClickHouseClientConfigOptions, createClient } from '@clickhouse/client'
import { TidewatchError } from '../errors.ts'
import { ClientStore, type StoreOptions } from './client-store.ts'
import { storeError } from './faults.ts'
import { identifier } from './insert.ts'

type ConnectionModule = Pick<typeof import('chdb/connection'), 'createChdbConnection'>

/**
 * Opens the embedded engine over a folder (made when absent). One process a folder, one folder a process: throws TW_STORE_BUSY when
 * another process has it, TW_DATA_UNUSABLE when it cannot be made, TW_STORE_ENGINE_MISSING when the optional dependency chdb is not there or does not load.
 */
export async function openChdb(
  folder: string,
  options: StoreOptions,
  load: () => Promise<ConnectionModule> = () => import('chdb/connection'),
): Promise<ClientStore> {
  await mkdir(folder, { recursive: true }).catch((cause: Error) => {
    throw new TidewatchError('TW_DATA_UNUSABLE', `${folder}: ${cause.message}`, { cause })
  })
  const module = await load().catch((error: unknown) => {
    throw new TidewatchError('TW_STORE_ENGINE_MISSING', error instanceof Error ? error.message.split('\n')[0]! : String(error), {
      cause: error,
    })
  })
  // A connection runs one statement at a time: with one of its own, a long query does not hold up the writes.
  const writer = await connect(module, folder)
  let reader: ClickHouseClient | null = null
  try {
    reader = await connect(module, folder)
    await writer.command({ query: `CREATE DATABASE IF NOT EXISTS ${identifier(options.database)}` })
    for (const client of [writer, reader]) await client.command({ query: `USE ${identifier(options.database)}` })
    return new ClientStore({ engine: 'chdb', writer, reader, createDatabase: async () => {} }, options)
  } catch (error) {
    await writer.close()
    await reader?.close()
    throw storeError(error, `open ${folder}`)
  }
}

async function connect(module: ConnectionModule, folder: string): Promise<ClickHouseClient> {
  try {
    // Its types leave out `undefined` where the client's allow it; both are pinned and the tests run the pair.
    const connection = module.createChdbConnection({ path: resolve(folder) }) as unknown as ClickHouseClientConfigOptions['connection']
    return createClient({ connection: connection! })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (/native binding|not supported/i.test(message)) throw new TidewatchError('TW_STORE_ENGINE_MISSING', message, { cause: error })
    const holder = await holderOf(folder)
    if (holder !== null) throw new TidewatchError('TW_STORE_BUSY', `${folder} is held by process ${holder}`, { cause: error })
    throw storeError(error, `open ${folder}`)
  }
}

/** The living process that the engine's own lock file names; the engine says no more than that it could not connect. */
async function holderOf(folder: string): Promise<number | null> {
  const status = await readFile(join(folder, 'status'), 'utf8').catch(() => '')
  const holder = Number(/^PID: (\d+)/m.exec(status)?.[1] ?? Number.NaN)
  if (Number.isNaN(holder) || holder === process.pid) return null
  try {
    process.kill(holder, 0)
    return holder
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM' ? holder : null
  }
}
