import { TidewatchError } from '../errors.ts'

export interface RetryOptions {
  /** Longest wait before the first repeat, milliseconds; doubled with each further one. */
  readonly firstMs: number
  readonly maxMs: number
  /** Told of every failure that is followed by a repeat; for the log. */
  readonly onFailure?: (error: TidewatchError) => void
}

/** What waits for the store at the moment, and why. */
export class Trouble {
  private readonly waits = new Set<{ readonly since: number; detail: string }>()

  /** Why readiness is refused, or null. */
  describe(): string | null {
    const [oldest] = this.waits
    if (!oldest) return null
    return `the store does not take writes since ${new Date(oldest.since).toISOString()}; ${oldest.detail}`
  }

  /**
   * Repeats `attempt` while it fails with TW_STORE_UNAVAILABLE, with full jitter (so that members do not come back in step), until it
   * succeeds, fails for good, or `signal` aborts: then with the last TW_STORE_UNAVAILABLE.
   */
  async persevere(attempt: () => Promise<void>, options: RetryOptions, signal: AbortSignal | undefined): Promise<void> {
    let wait: { readonly since: number; detail: string } | null = null
    try {
      for (let failures = 0; ; failures++) {
        try {
          if (signal?.aborted) throw new TidewatchError('TW_STORE_UNAVAILABLE', 'told to stop', { cause: signal.reason })
          return await attempt()
        } catch (error) {
          if (!(error instanceof TidewatchError) || error.code !== 'TW_STORE_UNAVAILABLE' || signal?.aborted) throw error
          wait ??= { since: Date.now(), detail: '' }
          wait.detail = error.message
          this.waits.add(wait)
          options.onFailure?.(error)
          await pause(Math.random() * Math.min(options.maxMs, options.firstMs * 2 ** Math.min(failures, 30)), signal)
          if (signal?.aborted) throw error
        }
      }
    } finally {
      if (wait) this.waits.delete(wait)
    }
  }
}

/** Resolves after some time, or at once when `signal` aborts. */
function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    signal?.addEventListener('abort', done)
  })
}
