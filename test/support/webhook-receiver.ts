import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request as it came. `answer` is what the receiver did with it. */
export interface ReceivedWebhook {
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly id: string
  readonly body: string
  readonly answer: Behaviour['kind']
}

/** What the receiver does with the requests to come. */
export type Behaviour =
  | { readonly kind: 'accept' }
  | { readonly kind: 'refuse'; readonly status: number; readonly headers?: Record<string, string> }
  /** Reads the request and never answers. */
  | { readonly kind: 'hang' }
  /** Reads the request and cuts the connection without an answer. */
  | { readonly kind: 'drop' }
  | { readonly kind: 'slow'; readonly milliseconds: number }

export interface WebhookReceiver {
  readonly url: string
  readonly received: readonly ReceivedWebhook[]
  /** Behaviour of the next `times` requests, behind those set before; without `times`, of all for which nothing else is set. */
  behave(behaviour: Behaviour, times?: number): void
  /** The first request, past or to come, that fits and was not handed out before. */
  next(predicate?: (webhook: ReceivedWebhook) => boolean): Promise<ReceivedWebhook>
  close(): Promise<void>
}

/** A real HTTP server on a free loopback port that accepts, refuses, hangs, drops or is slow, and records what came. */
export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const received: ReceivedWebhook[] = []
  const handedOut = new Set<ReceivedWebhook>()
  const waiting: { predicate: (webhook: ReceivedWebhook) => boolean; resolve: (webhook: ReceivedWebhook) => void }[] = []
  const behaviours: Behaviour[] = []
  let lasting: Behaviour = { kind: 'accept' }

  function record(webhook: ReceivedWebhook): void {
    received.push(webhook)
    const index = waiting.findIndex((entry) => entry.predicate(webhook))
    if (index < 0) return
    handedOut.add(webhook)
    waiting.splice(index, 1)[0]!.resolve(webhook)
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const behaviour = behaviours.shift() ?? lasting
    const answer = () => {
      if (behaviour.kind === 'accept' || behaviour.kind === 'slow') response.writeHead(204).end()
      if (behaviour.kind === 'refuse') response.writeHead(behaviour.status, behaviour.headers).end('no')
      if (behaviour.kind === 'drop') request.socket.destroy()
    }
    if (behaviour.kind === 'slow') setTimeout(answer, behaviour.milliseconds)
    else answer()
    record({
      path: request.url ?? '',
      headers: request.headers,
      id: String(request.headers['webhook-id'] ?? ''),
      body: Buffer.concat(chunks).toString('utf8'),
      answer: behaviour.kind,
    })
  }

  // A connection that the sender breaks off ends the reading of its body with an error; there is nobody left to answer.
  const server = createServer((request, response) => void handle(request, response).catch(() => response.destroy()))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    behave(behaviour, times) {
      if (times === undefined) lasting = behaviour
      else behaviours.push(...Array<Behaviour>(times).fill(behaviour))
    },
    next(predicate = () => true) {
      const past = received.find((webhook) => !handedOut.has(webhook) && predicate(webhook))
      if (past) {
        handedOut.add(past)
        return Promise.resolve(past)
      }
      return new Promise((resolve) => waiting.push({ predicate, resolve }))
    },
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
