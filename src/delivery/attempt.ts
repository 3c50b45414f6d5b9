import { retryAfter } from './backoff.ts'
import type { WebhookRequest } from './formats/format.ts'
import type { NetworkPolicy } from './networks.ts'
import { post } from './post.ts'
import type { Timers } from './timers.ts'

/** What one attempt came to. `retry`: passing trouble. `refused`: an answer that another attempt will hardly change. */
export type Outcome = { readonly status: number; readonly text: string } & (
  | { readonly kind: 'delivered' }
  | { readonly kind: 'retry'; readonly reason: string; readonly retryAfter: number | null }
  | { readonly kind: 'refused'; readonly reason: string }
)

export interface AttemptOptions {
  readonly policy: NetworkPolicy
  /** Milliseconds until the attempt is broken off. */
  readonly timeout: number
  readonly timers: Timers
  /** Breaks the attempt off from outside. */
  readonly stop: AbortSignal
  /** Bytes of the answer that `text` holds; 0 where absent. */
  readonly keep?: number
}

/** Request timeout, too early, too many requests: 4xx codes that speak of the moment and not of the request. */
const PASSING = new Set([408, 425, 429])

function networkReason(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code === 'string') return code
  return error instanceof Error ? error.message : String(error)
}

/**
 * Sends one webhook once. Never throws: trouble of the network is an outcome, and so is an address that is not allowed, which may be another one
 * tomorrow.
 */
export async function attempt(request: WebhookRequest, { policy, timeout, timers, stop, keep = 0 }: AttemptOptions): Promise<Outcome> {
  const breaker = new AbortController()
  const abort = () => breaker.abort()
  let late = false
  const cancel = timers.after(timeout, () => {
    late = true
    abort()
  })
  stop.addEventListener('abort', abort, { once: true })
  try {
    const { status, text, retryAfter: asked } = await post(request, policy, { signal: breaker.signal, keep })
    if (status >= 200 && status < 300) return { kind: 'delivered', status, text }
    const reason = status >= 300 && status < 400 ? `HTTP ${status} (redirects are not followed)` : `HTTP ${status}`
    if (status < 500 && !PASSING.has(status)) return { kind: 'refused', status, text, reason }
    return { kind: 'retry', status, text, reason, retryAfter: retryAfter(asked, timers.now()) }
  } catch (error) {
    const reason = late ? `no answer within ${timeout / 1_000} s` : networkReason(error)
    return { kind: 'retry', status: 0, text: '', reason, retryAfter: null }
  } finally {
    cancel()
    stop.removeEventListener('abort', abort)
  }
}
