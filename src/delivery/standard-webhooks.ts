import { createHmac, timingSafeEqual } from 'node:crypto'
import { TidewatchError } from '../errors.ts'

/**
 * Signing after the Standard Webhooks specification 1.0 (https://www.standardwebhooks.com): symmetric signatures, version `v1`.
 * The signed text is `id.timestamp.body`; the timestamp is seconds since the epoch.
 */

const PREFIX = 'whsec_'
const TOLERANCE_SECONDS = 5 * 60

export interface WebhookHeaders {
  readonly 'webhook-id': string
  readonly 'webhook-timestamp': string
  readonly 'webhook-signature': string
}

/**
 * Key bytes of a secret `whsec_<base64>`. Throws TW_WEBHOOK_INVALID unless it holds 24 to 64 bytes of base64.
 * The message never holds the secret.
 */
export function parseSecret(secret: string): Buffer {
  if (!secret.startsWith(PREFIX)) throw new TidewatchError('TW_WEBHOOK_INVALID', `the secret must start with ${PREFIX}`)
  const text = secret.slice(PREFIX.length)
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw new TidewatchError('TW_WEBHOOK_INVALID', `the secret is not base64 after ${PREFIX}`)
  const key = Buffer.from(text, 'base64')
  if (key.length < 24 || key.length > 64) {
    throw new TidewatchError('TW_WEBHOOK_INVALID', `the secret holds ${key.length} bytes; 24 to 64 are required`)
  }
  return key
}

function signature(key: Buffer, id: string, timestamp: string, body: string): Buffer {
  return createHmac('sha256', key).update(`${id}.${timestamp}.${body}`, 'utf8').digest()
}

/**
 * The three headers of one attempt. Several keys give several space-separated signatures, so that a receiver may know
 * either the old or the new secret while they are being changed.
 * @param timestamp seconds since the epoch, of this attempt.
 */
export function sign(keys: readonly Buffer[], id: string, timestamp: number, body: string): WebhookHeaders {
  const seconds = String(Math.floor(timestamp))
  return {
    'webhook-id': id,
    'webhook-timestamp': seconds,
    'webhook-signature': keys.map((key) => `v1,${signature(key, id, seconds, body).toString('base64')}`).join(' '),
  }
}

/**
 * True when one of the `v1` signatures fits one of the keys and the timestamp is within five minutes of `now` (seconds).
 * Header names are taken in lower case, as Node gives them.
 */
export function verify(keys: readonly Buffer[], headers: Readonly<Record<string, unknown>>, body: string, now: number): boolean {
  const id = headers['webhook-id']
  const timestamp = headers['webhook-timestamp']
  const signatures = headers['webhook-signature']
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signatures !== 'string') return false
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(now - Number(timestamp)) > TOLERANCE_SECONDS) return false
  const given = signatures
    .split(' ')
    .filter((entry) => entry.startsWith('v1,'))
    .map((entry) => Buffer.from(entry.slice(3), 'base64'))
  return keys.some((key) => {
    const expected = signature(key, id, timestamp, body)
    return given.some((candidate) => candidate.length === expected.length && timingSafeEqual(candidate, expected))
  })
}
