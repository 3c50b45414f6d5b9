import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { parseSecret, verify } from '../delivery/standard-webhooks.ts'

export interface DemoDelivery {
  readonly id: string
  readonly verified: boolean
}

/** What a user's own webhook receiver would be: it checks the signature and answers 204. */
export interface DemoReceiver {
  readonly url: string
  readonly secret: string
  /** The delivery with that id, whether it came already or comes; null when the signal ends the waiting. */
  next(id: string, signal: AbortSignal): Promise<DemoDelivery | null>
  close(): Promise<void>
}

export async function startDemoReceiver(): Promise<DemoReceiver> {
  const secret = `whsec_${randomBytes(32).toString('base64')}`
  const received = new Map<string, DemoDelivery>()
  const waiting = new Map<string, (delivery: DemoDelivery) => void>()
  const server = createServer(async (request, response) => {
    const body = await text(request)
    const id = String(request.headers['webhook-id'])
    const delivery = { id, verified: verify([parseSecret(secret)], request.headers, body, Date.now() / 1000) }
    received.set(id, delivery)
    waiting.get(id)?.(delivery)
    response.writeHead(delivery.verified ? 204 : 401).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts`,
    secret,
    next: (id, signal) => {
      const already = received.get(id)
      if (already) return Promise.resolve(already)
      return new Promise((resolve) => {
        waiting.set(id, resolve)
        signal.addEventListener('abort', () => resolve(null), { once: true })
      })
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
