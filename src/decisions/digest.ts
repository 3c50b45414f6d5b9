import { createHash } from 'node:crypto'

/** 24 hex digits that depend on what is known of a matter and on nothing else: the ids of incidents, alerts and digests. */
export function digest(...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 24)
}
