import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode } from '../errors.ts'
import type { BatchHandler, PartitionLag, Source, SourceBatch, StartOptions } from './source.ts'

/** A log of one partition that is read forwards by one reader. */
export interface OrderedLog {
  readonly name: string
  readonly topic: string
  /** Readies the log for reading, from the place that `resume` tells where the log can go there. Rejects where it cannot be read at all. */
  open(resume: StartOptions['resume']): Promise<void>
  /** The next range; waits for one, and resolves with null at the end or when the signal is aborted. A rejection is final. */
  read(signal: AbortSignal): Promise<SourceBatch | null>
  /** Remembers that everything before `next` is done. */
  commit(next: number): Promise<void>
  /** Records that are not committed. */
  lag(): number
  close(): Promise<void>
}

export interface OrderedLogOptions {
  /** Told of every batch that was refused and of every commit that failed; it is tried again after `retryIn` milliseconds. */
  readonly onRetry?: (error: Error, retryIn: number) => void
  /** Milliseconds that `stop` waits for a handler in work before it leaves the batch unfinished. @default 8000 */
  readonly drainTimeout?: number
}

const FIRST_BACKOFF_MS = 100
const LONGEST_BACKOFF_MS = 5000

/**
 * The Source over one ordered log: one batch after the other, each again and again until its handler resolves, then committed.
 * TW_SOURCE_POISONED and a log that cannot be read stop it for good: `problem` says why, and `ended` rejects.
 */
export class OrderedLogSource implements Source {
  readonly name: string
  readonly ended: Promise<void>
  private readonly log: OrderedLog
  private readonly options: OrderedLogOptions
  private readonly stopping = new AbortController()
  private readonly abandoned = new AbortController()
  private settleEnded!: { resolve: () => void; reject: (error: Error) => void }
  private trouble: string | null = null
  private held: { until: Promise<void>; letGo: () => void } | null = null
  private running: Promise<void> | null = null
  private stopped: Promise<void> | null = null

  constructor(log: OrderedLog, options: OrderedLogOptions = {}) {
    this.name = log.name
    this.log = log
    this.options = options
    this.ended = new Promise((resolve, reject) => {
      this.settleEnded = { resolve, reject }
    })
    // Who does not wait for the end must not be killed by it.
    this.ended.catch(() => {})
  }

  async start(handler: BatchHandler, { resume }: StartOptions = {}): Promise<void> {
    await this.log.open(resume)
    this.running = this.run(handler).then(
      (exhausted) => {
        if (exhausted) this.settleEnded.resolve()
      },
      (error: Error) => {
        this.trouble = error.message
        this.settleEnded.reject(error)
      },
    )
  }

  pause(): void {
    if (this.held) return
    let letGo = () => {}
    const until = new Promise<void>((resolve) => {
      letGo = resolve
    })
    this.held = { until, letGo }
  }

  resume(): void {
    this.held?.letGo()
    this.held = null
  }

  async lag(): Promise<readonly PartitionLag[]> {
    return [{ topic: this.log.topic, partition: 0, records: this.log.lag() }]
  }

  problem(): string | null {
    return this.trouble
  }

  stop(): Promise<void> {
    this.stopped ??= this.shutDown()
    return this.stopped
  }

  private async shutDown(): Promise<void> {
    this.stopping.abort()
    this.resume()
    const patience = setTimeout(() => this.abandoned.abort(), this.options.drainTimeout ?? 8000)
    await this.running
    clearTimeout(patience)
    await this.log.close()
  }

  /** Resolves with true at the end of the log, with false when it was stopped before. */
  private async run(handler: BatchHandler): Promise<boolean> {
    const { signal } = this.stopping
    const context = { heartbeat: async () => {}, owned: () => !this.abandoned.signal.aborted }
    while (!signal.aborted) {
      await this.held?.until
      if (signal.aborted) break
      const batch = await this.log.read(signal)
      if (signal.aborted) break
      if (!batch) return true
      const done = await this.untilDone(() => handler(batch, context))
      if (!done || !(await this.untilDone(() => this.log.commit(batch.last + 1)))) return false
    }
    return false
  }

  /** Repeats work until it resolves. False when it was given up because the source stops. */
  private async untilDone(work: () => Promise<void>): Promise<boolean> {
    const { signal } = this.stopping
    for (let backoff = FIRST_BACKOFF_MS; ; backoff = Math.min(2 * backoff, LONGEST_BACKOFF_MS)) {
      try {
        const done = await this.unlessAbandoned(work())
        this.trouble = null
        return done
      } catch (error) {
        if (errorCode(error) === 'TW_SOURCE_POISONED') throw error
        this.trouble = (error as Error).message
        if (signal.aborted) return false
        this.options.onRetry?.(error as Error, backoff)
        await sleep(backoff, undefined, { signal }).catch(() => {})
        await this.held?.until
        if (signal.aborted) return false
      }
    }
  }

  private unlessAbandoned(work: Promise<void>): Promise<boolean> {
    const { signal } = this.abandoned
    return new Promise((resolve, reject) => {
      const abandon = () => resolve(false)
      signal.addEventListener('abort', abandon)
      work.then(() => resolve(true), reject).finally(() => signal.removeEventListener('abort', abandon))
    })
  }
}
