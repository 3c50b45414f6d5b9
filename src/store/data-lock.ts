import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { TidewatchError } from '../errors.ts'

/** Who has a data folder. */
export interface LockHolder {
  readonly pid: number
  /** When the process began, in words that only its own system understands: another process of the same number began at another time. */
  readonly started: string
  /** Address of its API, null until it listens. */
  readonly api: string | null
}

export interface DataLock {
  /** Tells others where the API of this process is. */
  publish(api: string): Promise<void>
  /** Idempotent. */
  release(): Promise<void>
}

const FILE = 'lock.json'

/**
 * Takes a data folder (made when absent) for this process: one process a folder. A lock whose process is gone counts for nothing. Throws TW_STORE_BUSY
 * with the holder's number and address, TW_DATA_UNUSABLE where the folder cannot be made or written.
 */
export async function lockData(directory: string): Promise<DataLock> {
  const path = join(directory, FILE)
  const own: LockHolder = { pid: process.pid, started: (await startOf(process.pid)) ?? '', api: null }
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await mkdir(directory, { recursive: true })
    await writeFile(draft, body(own))
    const holder = await claim(path, draft)
    if (holder) throw busy(directory, holder)
  } catch (error) {
    if (error instanceof TidewatchError) throw error
    throw new TidewatchError('TW_DATA_UNUSABLE', `${directory}: ${(error as Error).message}`, { cause: error })
  } finally {
    // Where nothing can be written there is nothing to remove.
    await rm(draft, { force: true }).catch(() => {})
  }
  let released = false
  return {
    async publish(api) {
      await writeFile(draft, body({ ...own, api }))
      await rename(draft, path)
    },
    async release() {
      if (released) return
      released = true
      await rm(path, { force: true })
    },
  }
}

/** The living process that has a data folder, null where none has. */
export async function dataHolder(directory: string): Promise<LockHolder | null> {
  const text = await readFile(join(directory, FILE), 'utf8').catch(() => null)
  return text === null ? null : living(text)
}

function busy(directory: string, { pid, api }: LockHolder): TidewatchError {
  return new TidewatchError('TW_STORE_BUSY', `process ${pid} has ${directory}${api === null ? '' : `; its API is ${api}`}`)
}

function body(holder: LockHolder): string {
  return `${JSON.stringify(holder)}\n`
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/**
 * Makes `path` a link to `draft`. Null when that was done, else the living holder. Of those who find the same stale lock only the one that
 * claims its removal (a lock itself, so that a claimant that dies leaves nothing behind) takes it away, and only while it is that same lock:
 * otherwise a slow process would remove the lock of the one that was faster.
 */
async function claim(path: string, draft: string): Promise<LockHolder | null> {
  // A link is made by one only, whole or not at all.
  while (!(await linked(draft, path))) {
    const text = await readFile(path, 'utf8').catch(() => null)
    if (text === null) continue
    const holder = await living(text)
    if (holder) return holder
    const removal = `${path}.${createHash('sha256').update(text).digest('hex').slice(0, 12)}`
    if ((await claim(removal, draft)) !== null) {
      await sleep(5)
      continue
    }
    try {
      if ((await readFile(path, 'utf8').catch(() => null)) === text) await rm(path)
    } finally {
      await rm(removal)
    }
  }
  return null
}

async function living(text: string): Promise<LockHolder | null> {
  let holder: LockHolder
  try {
    holder = JSON.parse(text)
  } catch {
    return null
  }
  const started = await startOf(holder.pid)
  return started !== null && started === holder.started ? holder : null
}

/** When a process began; null where there is no such process. */
async function startOf(pid: number): Promise<string | null> {
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
    if (stat === null) return null
    // The name in brackets may hold anything; the 20th field behind it is the start in ticks since boot.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z') return null
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')
    return `${boot.trim()}/${fields[19]}`
  }
  const ps = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => null)
  return ps === null ? null : ps.stdout.trim()
}
