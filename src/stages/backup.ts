import { createHash } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import type { Config } from '../config/schema.ts'
import { TidewatchError } from '../errors.ts'
import { copyStore, fillStore } from '../store/copies.ts'
import { lockData } from '../store/data-lock.ts'
import { openStore } from '../store/open.ts'
import type { Store } from '../store/store.ts'
import { identityKeyFile } from '../telemetry/identity-key.ts'

const FORMAT = 1
const MANIFEST = 'manifest.json'
const JOURNAL = 'journal'

const manifestSchema = z.object({
  format: z.literal(FORMAT),
  version: z.string(),
  time: z.string(),
  files: z.record(z.string(), z.string()),
})

/** What a backup says of itself: SHA-256 of every file. It is written last: a folder without it is no backup. */
export type Manifest = z.output<typeof manifestSchema>

export interface BackupOptions {
  readonly store: Store
  /** The data folder. */
  readonly data: string
  readonly version: string
  /** Runs work while no range is being written. */
  readonly quiet: <T>(work: () => Promise<T>) => Promise<T>
}

/**
 * Writes store, journal, claims and identity key into a folder that is empty or absent, as they are at one point between two ranges: what a process
 * would find that died there. Throws TW_OUTPUT_UNWRITABLE, TW_REQUEST_INVALID for a store on a server.
 */
export async function backUp(directory: string, { store, data, version, quiet }: BackupOptions): Promise<Manifest> {
  await mustBeEmpty(directory, 'TW_OUTPUT_UNWRITABLE')
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await quiet(async () => {
      await copyStore(store, join(directory, 'store'))
      await copyFiles(join(data, JOURNAL), join(directory, JOURNAL))
      await copyOne(join(data, identityKeyFile), join(directory, identityKeyFile))
    })
    const files: Record<string, string> = {}
    for (const path of await filesUnder(directory)) files[relative(directory, path)] = await digestOf(path)
    const manifest: Manifest = { format: FORMAT, version, time: new Date().toISOString(), files }
    await writeFile(join(directory, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, { flush: true })
    return manifest
  } catch (error) {
    if (error instanceof TidewatchError) throw error
    throw new TidewatchError('TW_OUTPUT_UNWRITABLE', `${directory}: ${(error as Error).message}`, { cause: error })
  }
}

/**
 * Makes a data folder out of a backup. Throws TW_DATA_UNUSABLE where the folder holds anything, TW_SOURCE_UNREADABLE where the backup is not whole;
 * nothing is left behind then.
 */
export async function restoreBackup(directory: string, config: Config): Promise<Manifest> {
  const { directory: data } = config.data
  await mustBeEmpty(data, 'TW_DATA_UNUSABLE')
  const manifest = await verified(directory)
  const lock = await lockData(data)
  try {
    const { url: _, cluster: __, ...own } = config.store
    const store = await openStore({ ...config, store: own }, 'restore')
    try {
      await store.migrate()
      await fillStore(store, join(directory, 'store'))
    } finally {
      await store.close()
    }
    await copyFiles(join(directory, JOURNAL), join(data, JOURNAL))
    await copyOne(join(directory, identityKeyFile), join(data, identityKeyFile))
  } catch (error) {
    for (const name of ['store', JOURNAL, identityKeyFile]) await rm(join(data, name), { recursive: true, force: true })
    throw error
  } finally {
    await lock.release()
  }
  return manifest
}

async function verified(directory: string): Promise<Manifest> {
  const unreadable = (why: string) => new TidewatchError('TW_SOURCE_UNREADABLE', `${directory}: ${why}`)
  const text = await readFile(join(directory, MANIFEST), 'utf8').catch((cause: Error) => {
    throw unreadable(`no backup that was finished (${cause.message})`)
  })
  let manifest: Manifest
  try {
    manifest = manifestSchema.parse(JSON.parse(text))
  } catch {
    throw unreadable(`${MANIFEST} is of no kind that this version knows`)
  }
  for (const [path, digest] of Object.entries(manifest.files)) {
    const found = await digestOf(join(directory, path)).catch(() => null)
    if (found !== digest) throw unreadable(`${path} is ${found === null ? 'missing' : 'damaged'}`)
  }
  return manifest
}

async function mustBeEmpty(directory: string, code: 'TW_OUTPUT_UNWRITABLE' | 'TW_DATA_UNUSABLE'): Promise<void> {
  const found = await readdir(directory).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return []
    throw new TidewatchError(code, `${directory}: ${cause.message}`, { cause })
  })
  if (found.length > 0) throw new TidewatchError(code, `${directory} is not empty`)
}

async function copyFiles(from: string, to: string): Promise<void> {
  const names = await readdir(from).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return []
    throw cause
  })
  for (const name of names.sort()) if (!name.endsWith('.new')) await copyOne(join(from, name), join(to, name))
}

/** What is not there, or not any more (a segment that nobody needs), is no part of it. */
async function copyOne(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  await copyFile(from, to, constants.COPYFILE_FICLONE).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause
  })
}

async function filesUnder(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
