import type { Config } from '../config/schema.ts'
import { inTheClear, keyedHash } from '../telemetry/hasher.ts'
import { decodeIdentityKey, loadOrCreateIdentityKey } from '../telemetry/identity-key.ts'
import { createMapper, type Mapper } from '../telemetry/map.ts'

/** The mapping with identities as the configuration wants them: in the clear, or hashed with its key or the data folder's. */
export async function openMapper(config: Config): Promise<Mapper> {
  if (!config.identity.hash) return createMapper(config, inTheClear)
  const { key } = config.identity
  return createMapper(config, keyedHash(key === undefined ? await loadOrCreateIdentityKey(config.data.directory) : decodeIdentityKey(key)))
}
