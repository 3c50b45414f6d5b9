import { createHash } from 'node:crypto'
import type { Config } from './schema.ts'

/**
 * 32 hex digits that name everything in a configuration that changes results: the same log and the same hash give the same bytes.
 * It goes into deduplication tokens; so what only says where things are (ports, brokers, folders, log level, webhooks, retention) stays
 * out, or a restart with another port would store pending ranges twice. Secrets stay out, too.
 */
export function configHash(config: Config): string {
  const { ingest, identity, content, deadLetters, decisions, poisoning, seed } = config
  const { key: _secret, ...openIdentity } = identity
  return createHash('sha256')
    .update(canonical({ ingest, identity: openIdentity, content, deadLetters, decisions, poisoning, seed }))
    .digest('hex')
    .slice(0, 32)
}

/** JSON with sorted keys: one text for one value. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`)
    .join(',')}}`
}
