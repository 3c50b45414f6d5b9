import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { parseSecret, sign, verify } from '../../src/delivery/standard-webhooks.ts'
import { TidewatchError } from '../../src/errors.ts'

const secret = (bytes: Uint8Array) => `whsec_${Buffer.from(bytes).toString('base64')}`
const now = () => Math.floor(Date.now() / 1000)

const keys = fc.uint8Array({ minLength: 24, maxLength: 64 })
const ids = fc.stringMatching(/^[a-z0-9-]{1,40}$/)
const bodies = fc.json()

describe('Standard Webhooks', () => {
  it('signs what the reference library verifies', () => {
    fc.assert(
      fc.property(keys, ids, bodies, (key, id, body) => {
        const headers = sign([parseSecret(secret(key))], id, now(), body)
        expect(new Webhook(secret(key)).verify(body, { ...headers })).toEqual(JSON.parse(body))
      }),
    )
  })

  it('verifies what the reference library signs', () => {
    fc.assert(
      fc.property(keys, ids, bodies, (key, id, body) => {
        const headers = {
          'webhook-id': id,
          'webhook-timestamp': String(now()),
          'webhook-signature': new Webhook(secret(key)).sign(id, new Date(now() * 1000), body),
        }
        expect(verify([parseSecret(secret(key))], headers, body, now())).toBe(true)
      }),
    )
  })

  it('signs with every secret while one is being changed: the old and the new receiver both verify', () => {
    const [old, fresh] = [randomBytes(32), randomBytes(32)]
    const headers = sign([old, fresh], 'a-1', now(), '{}')
    for (const key of [old, fresh]) {
      expect(new Webhook(secret(key)).verify('{}', { ...headers })).toEqual({})
      expect(verify([key], { ...headers }, '{}', now())).toBe(true)
    }
  })

  it('refuses another body, id, time, key, an old timestamp, and anything malformed', () => {
    const key = randomBytes(32)
    const headers = { ...sign([key], 'a-1', 1000, '{}') }
    expect(verify([key], headers, '{}', 1000)).toBe(true)
    expect(verify([key], headers, '{ }', 1000)).toBe(false)
    expect(verify([key], { ...headers, 'webhook-id': 'a-2' }, '{}', 1000)).toBe(false)
    expect(verify([key], { ...headers, 'webhook-timestamp': '1001' }, '{}', 1000)).toBe(false)
    expect(verify([randomBytes(32)], headers, '{}', 1000)).toBe(false)
    expect(verify([key], headers, '{}', 1000 + 301)).toBe(false)
    expect(verify([key], headers, '{}', 1000 - 301)).toBe(false)
    expect(verify([key], { ...headers, 'webhook-signature': 'v2,AAAA v1,' }, '{}', 1000)).toBe(false)
    expect(verify([key], { ...headers, 'webhook-timestamp': 'NaN' }, '{}', 1000)).toBe(false)
    expect(verify([key], {}, '{}', 1000)).toBe(false)
  })

  it('refuses secrets that are none with TW_WEBHOOK_INVALID, without telling them', () => {
    const short = secret(randomBytes(23))
    for (const wrong of ['', 'whsec_', `sk_${randomBytes(32).toString('base64')}`, short, secret(randomBytes(65)), 'whsec_not base64!']) {
      const attempt = () => parseSecret(wrong)
      expect(attempt).toThrow(TidewatchError)
      expect(attempt).toThrow(expect.objectContaining({ code: 'TW_WEBHOOK_INVALID' }))
      if (wrong.length > 10) expect(attempt).not.toThrow(wrong.slice(6))
    }
  })
})
