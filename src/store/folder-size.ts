import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Bytes that a file system gives out at a time: what `blocks` of a file counts. */
const BLOCK_BYTES = 512

/** Disk that a folder takes, bytes: what is allocated, a file with several names once. What vanishes meanwhile, and a folder that is not there, take none. */
export async function folderBytes(directory: string): Promise<number> {
  const seen = new Set<string>()
  const sizeOf = async (path: string): Promise<number> => {
    const found = await lstat(path).catch(() => null)
    if (found === null) return 0
    if (found.nlink > 1 && !found.isDirectory()) {
      const inode = `${found.dev}:${found.ino}`
      if (seen.has(inode)) return 0
      seen.add(inode)
    }
    let bytes = found.blocks * BLOCK_BYTES
    if (found.isDirectory()) for (const name of await readdir(path).catch(() => [])) bytes += await sizeOf(join(path, name))
    return bytes
  }
  return sizeOf(directory)
}
