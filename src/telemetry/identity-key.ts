import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TidewatchError } from '../errors.ts'

const keyBytes = 32
export const identityKeyFile = 'identity.key'

/**
 * The key of the identity hashes, kept as base64 in `identity.key` of the data folder (mode 0600). Made on first use; two processes that
 * start at once get the same one. Throws TW_CONFIG_INVALID where the file holds no key: a new key would make all known principals strangers.
 */
export async function loadOrCreateIdentityKey(directory: string): Promise<Uint8Array> {
  const path = join(directory, identityKeyFile)
  const existing = await readKey(path)
  if (existing !== null) return existing
  await mkdir(directory, { recursive: true })
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  await writeFile(draft, `${randomBytes(keyBytes).toString('base64')}\n`, { mode: 0o600, flag: 'wx', flush: true })
  try {
    // A link either makes the whole file appear or fails; it never replaces the key that another process made.
    await link(draft, path)
    await chmod(path, 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(draft, { force: true })
  }
  return (await readKey(path))!
}

/** The key of the configuration (base64 of 32 bytes or more). Throws TW_CONFIG_INVALID. */
export function decodeIdentityKey(text: string, where = 'identity.key'): Uint8Array {
  const trimmed = text.trim()
  const key = Buffer.from(trimmed, 'base64')
  if (key.length < keyBytes || !/^[A-Za-z0-9+/]+={0,2}$/.test(trimmed))
    throw new TidewatchError('TW_CONFIG_INVALID', `${where} must be base64 of ${keyBytes} bytes or more`)
  return key
}

async function readKey(path: string): Promise<Uint8Array | null> {
  try {
    return decodeIdentityKey(await readFile(path, 'utf8'), path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
