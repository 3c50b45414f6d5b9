import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { configSchema } from '../../src/config/schema.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'

export interface EmbeddedStore {
  readonly store: Store
  /** Empties tables, their memory of inserted blocks included. */
  truncate(...tables: string[]): Promise<void>
  close(): Promise<void>
}

/** The embedded engine in a new folder, all tables made. One a process: share it within a test file. */
export async function openEmbeddedStore(): Promise<EmbeddedStore> {
  const directory = await mkdtemp(join(tmpdir(), 'tidewatch-store-'))
  const store = await openStore(configSchema.parse({ data: { directory } }), 'test')
  await store.migrate()
  return {
    store,
    async truncate(...tables) {
      for (const table of tables) await store.command(`TRUNCATE TABLE ${table}`)
    },
    async close() {
      await store.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
