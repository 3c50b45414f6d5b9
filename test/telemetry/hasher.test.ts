import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keyedHash } from '../../src/telemetry/hasher.ts'

describe('keyed hashes of identities', () => {
  test('are the first 96 bits of HMAC-SHA256, for keys and values of any length', () => {
    const keys = fc.oneof(fc.uint8Array({ maxLength: 63 }), fc.uint8Array({ minLength: 64, maxLength: 200 }))
    const values = fc.array(fc.string({ unit: 'grapheme', maxLength: 300, size: 'max' }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(keys, values, (key, list) => {
        const pseudonym = keyedHash(key)
        for (const value of [...list, ...list])
          expect(pseudonym(value)).toBe(`h-${createHmac('sha256', key).update(value).digest('hex').slice(0, 24)}`)
      }),
    )
  })
})
