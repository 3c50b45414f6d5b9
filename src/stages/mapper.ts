import type { Config } from '../config/schema.ts'
import { inTheClear, keyedHash, type Pseudonym } from '../telemetry/hasher.ts'
import { decodeIdentityKey, loadOrCreateIdentityKey } from '../telemetry/identity-key.ts'
import { createMapper, type Mapper } from '../telemetry/map.ts'

/** Identities as the configuration wants them: in the clear, or hashed with its key or the data folder's. */
export async function openPseudonym(config: Config): Promise<Pseudonym> {
  if (!config.identity.hash) return inTheClear
  const { key } = config.identity
  return keyedHash(key === undefined ? await loadOrCreateIdentityKey(config.data.directory) : decodeIdentityKey(key))
}

/** The mapping of a configuration. */
export async function openMapper(config: Config): Promise<Mapper> {
  return createMapper(config, await openPseudonym(config))
}
