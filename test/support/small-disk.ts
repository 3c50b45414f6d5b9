import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const asRoot = process.getuid?.() === 0

/**
 * A command that puts a disk of its own (in memory, `size` as `mount` has it) with two empty folders, `store` and `journal`, at a folder, for the process
 * that it becomes and nobody else: it is gone with that process.
 */
export function onSmallDisk(folder: string, size: string): readonly string[] {
  const mount = 'mount -t tmpfs -o size=$1 tmpfs "$2" && mkdir "$2/store" "$2/journal" && shift 2 && exec "$@"'
  return ['unshare', ...(asRoot ? [] : ['--map-root-user']), '--mount', 'sh', '-c', mount, 'sh', size, folder]
}

/** Whether this machine lets us have one; says why not, and throws instead in CI. */
export function canHaveSmallDisk(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'tw-mount-'))
  const [command, ...args] = [...onSmallDisk(folder, '1m'), 'true']
  const { status } = spawnSync(command!, args)
  rmSync(folder, { recursive: true })
  if (status === 0) return true
  if (process.env.CI) throw new Error('a disk in memory cannot be mounted here')
  console.warn('skipped: a full disk needs `unshare --mount` and tmpfs (root, or user namespaces)')
  return false
}

/** The folder as the process sees it, whose disk it is. */
export class SmallDisk {
  private readonly filler: string

  constructor(pid: number, folder: string) {
    this.filler = join(`/proc/${pid}/root`, folder, 'filler.bin')
  }

  /** Takes all room but `left` bytes. */
  async fill(left: number): Promise<void> {
    const { bavail, bsize } = await statfs(join(this.filler, '..'))
    await writeFile(this.filler, Buffer.alloc(Math.max(0, bavail * bsize - left))).catch((error: NodeJS.ErrnoException) => {
      // The process writes as well: then it is full already.
      if (error.code !== 'ENOSPC') throw error
    })
  }

  /** Gives it back. */
  async free(): Promise<void> {
    await rm(this.filler)
  }
}
