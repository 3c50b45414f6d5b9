const BASE = 1_000
const CEILING = 5 * 60_000
const RETRY_AFTER_CEILING = 60 * 60_000

/**
 * Milliseconds to wait after failed attempt number `attempt` (from 1): doubling from one second to five minutes, of which
 * the half is random, so that many deliveries to one receiver do not come back together. `random` gives [0, 1).
 */
export function backoff(attempt: number, random: () => number): number {
  const full = Math.min(CEILING, BASE * 2 ** Math.min(attempt - 1, 30))
  return full / 2 + (random() * full) / 2
}

/** Milliseconds that a Retry-After header (seconds or an HTTP date, RFC 9110 10.2.3) asks for, at most an hour; null where it asks for nothing. */
export function retryAfter(header: string | null, now: number): number | null {
  if (header === null) return null
  const milliseconds = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now
  return Number.isFinite(milliseconds) && milliseconds > 0 ? Math.min(milliseconds, RETRY_AFTER_CEILING) : null
}
