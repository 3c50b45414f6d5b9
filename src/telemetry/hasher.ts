import { createHmac } from 'node:crypto'
import { BoundedCache } from './bounded-cache.ts'

/** What is stored of an identity, a credential or a link. Equal values give equal results whatever attribute they came from. */
export type Pseudonym = (value: string) => string

const cacheSize = 50_000
const hexDigits = 24

/** Keyed hashes: `h-` and the first 24 hex digits of HMAC-SHA256 (96 bits). The cache is bounded. */
export function keyedHash(key: Uint8Array): Pseudonym {
  const cache = new BoundedCache<string>(cacheSize)
  const make = (value: string): string => `h-${createHmac('sha256', key).update(value).digest('hex').slice(0, hexDigits)}`
  return (value) => cache.get(value, make)
}

/** Identities in the clear: for `replay`, `inspect` and where `identity.hash` is off. */
export const inTheClear: Pseudonym = (value) => value
