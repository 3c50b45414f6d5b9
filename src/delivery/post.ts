import { lookup as resolve } from 'node:dns'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { WebhookRequest } from './formats/format.ts'
import type { NetworkPolicy } from './networks.ts'

export interface Answer {
  readonly status: number
  readonly retryAfter: string | null
  /** The beginning of what was answered, '' where nothing was asked to be kept. */
  readonly text: string
}

/** The receiver's address is none that webhooks may be sent to. */
export class AddressRefused extends Error {
  constructor(address: string) {
    super(`${address} is not in a network that webhooks may be sent to (delivery.allowNetworks)`)
  }
}

/** Resolves names to permitted addresses only. It is the connection's own lookup: the address that was checked is the one that is used. */
export function guardedLookup(policy: NetworkPolicy): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '')
      const permitted = found.filter(({ address }) => policy.permits(address))
      if (permitted.length === 0) return callback(new AddressRefused(found.map(({ address }) => address).join(', ')), '')
      if (options.all) callback(null, permitted)
      else callback(null, permitted[0]!.address, permitted[0]!.family)
    })
  }
}

/**
 * Posts once. Redirects are answers like others: a receiver must not be able to point Tidewatch at other hosts. No connection is kept, no
 * proxy is asked. Rejects with AddressRefused, or what the network says.
 * @param keep bytes of the answer to give back; the rest is not waited for.
 */
export function post(
  { url, headers, body }: WebhookRequest,
  policy: NetworkPolicy,
  { signal, keep = 0 }: { readonly signal: AbortSignal; readonly keep?: number },
): Promise<Answer> {
  const target = new URL(url)
  const host = target.hostname.replace(/^\[|\]$/g, '')
  // An address in the URL is not looked up.
  if (isIP(host) !== 0 && !policy.permits(host)) return Promise.reject(new AddressRefused(host))
  const send = target.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const bytes = Buffer.from(body)
    const sent = send(target, {
      method: 'POST',
      agent: false,
      headers: { ...headers, 'content-length': bytes.length },
      lookup: guardedLookup(policy),
      signal,
    })
    sent.on('error', reject)
    sent.on('response', (response) => {
      const chunks: Buffer[] = []
      let size = 0
      const done = () => {
        const text = Buffer.concat(chunks).subarray(0, keep).toString('utf8')
        resolve({ status: response.statusCode!, retryAfter: response.headers['retry-after'] ?? null, text })
        // An endless answer must not hold the connection.
        response.destroy()
      }
      if (keep === 0) return done()
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        size += chunk.length
        if (size >= keep) done()
      })
      response.on('end', done)
      response.on('error', reject)
    })
    sent.end(bytes)
  })
}
