import { createHmac, hash } from 'node:crypto'
import { BoundedCache } from './bounded-cache.ts'

/** What is stored of an identity, a credential or a link. Equal values give equal results whatever attribute they came from. */
export type Pseudonym = (value: string) => string

const cacheSize = 50_000
const hexDigits = 24
const blockBytes = 64
const hashBytes = 32
/** Longer identities, in bytes, are rare. */
const shortBytes = 256

/** Keyed hashes: `h-` and the first 24 hex digits of HMAC-SHA256 (96 bits). The cache is bounded. */
export function keyedHash(key: Uint8Array): Pseudonym {
  const cache = new BoundedCache<string>(cacheSize)
  const hmac = hmacSha256(key)
  const make = (value: string): string => `h-${hmac(value).slice(0, hexDigits)}`
  // A session is asked for twice in a row: as a link and as the conversation.
  let last = ''
  let lastResult = make('')
  return (value) => {
    if (value === last) return lastResult
    lastResult = cache.get(value, make)
    last = value
    return lastResult
  }
}

/** HMAC-SHA256 in hex as RFC 2104 defines it, of two hashes in one call each: half the time of `createHmac`, which makes an object for each value. */
function hmacSha256(key: Uint8Array): (value: string) => string {
  const block = Buffer.alloc(blockBytes)
  block.set(key.length > blockBytes ? hash('sha256', key, 'buffer') : key)
  const inner = Buffer.alloc(blockBytes + shortBytes)
  const outer = Buffer.alloc(blockBytes + hashBytes)
  for (let i = 0; i < blockBytes; i++) {
    inner[i] = block[i]! ^ 0x36
    outer[i] = block[i]! ^ 0x5c
  }
  return (value) => {
    if (value.length * 3 > shortBytes) return createHmac('sha256', key).update(value).digest('hex')
    const length = inner.write(value, blockBytes, 'utf8')
    outer.write(hash('sha256', inner.subarray(0, blockBytes + length), 'binary'), blockBytes, 'latin1')
    return hash('sha256', outer, 'hex')
  }
}

/** Identities in the clear: for `replay`, `inspect` and where `identity.hash` is off. */
export const inTheClear: Pseudonym = (value) => value
