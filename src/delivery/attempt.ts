import { retryAfter } from './backoff.ts'
import { sign } from './standard-webhooks.ts'
import type { Timers } from './timers.ts'

/** What one attempt came to. `retry`: passing trouble. `refused`: an answer that another attempt will hardly change. */
export type Outcome =
  | { readonly kind: 'delivered'; readonly status: number }
  | { readonly kind: 'retry'; readonly status: number; readonly reason: string; readonly retryAfter: number | null }
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string }

export interface AttemptTarget {
  readonly url: string
  readonly keys: readonly Buffer[]
  /** Milliseconds until the attempt is broken off. */
  readonly timeout: number
}

/** Request timeout, too early, too many requests: 4xx codes that speak of the moment and not of the request. */
const PASSING = new Set([408, 425, 429])

function networkReason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = (cause as { code?: unknown } | null)?.code
  if (typeof code === 'string') return code
  return cause instanceof Error ? cause.message : String(cause)
}

/**
 * Sends one webhook once. Never throws: trouble of the network is an outcome. Redirects are not followed (a receiver
 * must not be able to point Tidewatch at other hosts). `stop` breaks the attempt off from outside.
 */
export async function attempt(target: AttemptTarget, id: string, body: string, timers: Timers, stop: AbortSignal): Promise<Outcome> {
  const breaker = new AbortController()
  const abort = () => breaker.abort()
  let late = false
  const cancel = timers.after(target.timeout, () => {
    late = true
    abort()
  })
  stop.addEventListener('abort', abort, { once: true })
  try {
    const response = await fetch(target.url, {
      method: 'POST',
      redirect: 'manual',
      body,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'tidewatch',
        ...sign(target.keys, id, timers.now() / 1_000, body),
      },
      signal: breaker.signal,
    })
    // What a receiver writes back is of no use; an endless answer must not hold the connection.
    await response.body?.cancel()
    const { status } = response
    if (status >= 200 && status < 300) return { kind: 'delivered', status }
    const reason = status >= 300 && status < 400 ? `HTTP ${status} (redirects are not followed)` : `HTTP ${status}`
    if (status < 500 && !PASSING.has(status)) return { kind: 'refused', status, reason }
    return { kind: 'retry', status, reason, retryAfter: retryAfter(response.headers.get('retry-after'), timers.now()) }
  } catch (error) {
    const reason = late ? `no answer within ${target.timeout / 1_000} s` : networkReason(error)
    return { kind: 'retry', status: 0, reason, retryAfter: null }
  } finally {
    cancel()
    stop.removeEventListener('abort', abort)
  }
}
