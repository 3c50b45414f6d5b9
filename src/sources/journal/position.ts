import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { syncDirectory } from './segment.ts'

/** How far the consumer of a journal has come. */
export interface Position {
  readonly epoch: string
  /** The first offset that is not committed. */
  readonly next: number
}

const FILE = 'position.json'

/** The saved position; null where none was ever saved, `damaged` where the file cannot be believed. */
export async function loadPosition(directory: string): Promise<Position | null | 'damaged'> {
  let text: string
  try {
    text = await readFile(join(directory, FILE), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  try {
    const { epoch, next, check } = JSON.parse(text)
    return check === checksum(epoch, next) ? { epoch, next } : 'damaged'
  } catch {
    return 'damaged'
  }
}

/** Replaces the saved position in one step; it is on the disk when this resolves. */
export async function savePosition(directory: string, { epoch, next }: Position): Promise<void> {
  const path = join(directory, FILE)
  const file = await open(`${path}.new`, 'w')
  try {
    await file.writeFile(`${JSON.stringify({ epoch, next, check: checksum(epoch, next) })}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  await syncDirectory(directory)
}

function checksum(epoch: string, next: number): number {
  return crc32(`${epoch}/${next}`)
}
