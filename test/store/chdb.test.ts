import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as chdb from 'chdb/connection'
import { describe, expect, it } from 'vitest'
import { openChdb } from '../../src/store/chdb.ts'
import type { StoreOptions } from '../../src/store/client-store.ts'
import { type Subject, storeConformance } from './conformance.ts'
import { sparse } from './samples.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The embedded engine behind connections that lose inserts on demand: what a full disk or a killed process does to one statement. */
async function embedded(): Promise<Subject> {
  const directory = await mkdtemp(join(tmpdir(), 'tidewatch-chdb-'))
  const cuts: { when: 'before' | 'after'; table: string | undefined }[] = []
  const createChdbConnection: typeof chdb.createChdbConnection = (options) => {
    const connection = chdb.createChdbConnection(options)
    const exec = connection.exec.bind(connection)
    connection.exec = async (parameters) => {
      const index = cuts.findIndex(({ table }) => table === undefined || parameters.query.startsWith(`INSERT INTO \`${table}\``))
      const [cut] = index === -1 ? [] : cuts.splice(index, 1)
      if (cut?.when === 'before') throw new Error('cut before')
      const result = await exec(parameters)
      if (cut?.when === 'after') throw new Error('cut after')
      return result
    }
    return connection
  }
  return {
    open: (options) => openChdb(directory, options, async () => ({ createChdbConnection })),
    async cut(when, table) {
      cuts.push({ when, table })
    },
    cutsLeft: async () => cuts.length,
    close: () => rm(directory, { recursive: true, force: true }),
  }
}

storeConformance('embedded chDB', embedded)

const options: StoreOptions = {
  database: 'tidewatch',
  cluster: null,
  retention: { calls: 86_400, aggregates: 86_400, deadLetters: 86_400, alerts: 86_400 },
  deduplicationWindow: 1_000,
  salt: 'test',
}

describe('openChdb', () => {
  it('says what to do where the engine is not installed', async () => {
    const missing = openChdb(tmpdir(), options, () => Promise.reject(new Error("Cannot find package 'chdb'")))
    await expect(missing).rejects.toMatchObject({
      code: 'TW_STORE_ENGINE_MISSING',
      message: expect.stringContaining("Cannot find package 'chdb'"),
    })
  })

  it('is refused to a second process, and another process finds rows and tokens of the first', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tidewatch-chdb-'))
    const whole = sparse('other')
    const script = `
      import { openChdb } from './src/store/chdb.ts'
      const options = ${JSON.stringify(options)}
      const store = await openChdb(${JSON.stringify(directory)}, options).catch((error) => { console.log(error.code); process.exit(3) })
      await store.migrate()
      await store.write(${JSON.stringify(whole)})
      console.log(JSON.stringify(await store.query('SELECT count() AS rows FROM calls')))
      process.kill(process.pid, 'SIGKILL')`
    const other = () =>
      spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { cwd: root, encoding: 'utf8' }).stdout.trim()
    expect(other()).toBe('[{"rows":3}]')
    expect(other()).toBe('[{"rows":3}]')

    const store = await spawnHolder(directory)
    try {
      expect(other()).toBe('TW_STORE_BUSY')
    } finally {
      await store.close()
      await rm(directory, { recursive: true, force: true })
    }
  })
})

/** Another process that holds the folder (this one has an engine of its own already). */
async function spawnHolder(directory: string): Promise<{ close(): Promise<void> }> {
  const script = `
    import { openChdb } from './src/store/chdb.ts'
    await openChdb(${JSON.stringify(directory)}, ${JSON.stringify(options)})
    console.log('open')
    process.stdin.resume()`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return {
    async close() {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}
