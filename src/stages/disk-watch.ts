import type { Logger } from 'pino'
import type { WebhookConfig } from '../config/schema.ts'
import { formatBytes } from '../config/units.ts'
import { deliveryRows } from '../delivery/outbox.ts'
import { dataDroppedAlert } from '../delivery/own-alert.ts'
import type { Problem } from '../server/deps.ts'
import { folderBytes } from '../store/folder-size.ts'
import { type GivenWay, giveWay } from '../store/give-way.ts'
import type { Store } from '../store/store.ts'

export interface DiskWatchOptions {
  /** The data folder. */
  readonly directory: string
  readonly maxBytes: number
  /** The embedded store in it; null where the store is on a server: nothing can be dropped then. */
  readonly store: Pick<Store, 'query' | 'command' | 'insert'> | null
  readonly webhooks: readonly WebhookConfig[]
  /** Runs work that must not come in between a backup. */
  readonly beside: <T>(work: () => Promise<T>) => Promise<T>
  /** Stops and goes on reading the sources. */
  readonly pause: (stopped: boolean) => void
  readonly onDropped: (step: GivenWay) => void
  readonly log: Logger
  /** Milliseconds. @default 30000 */
  readonly interval?: number
}

/** Share of the bound from which on it is told that it is near. */
const NEAR = 0.8
/** Share that the data are brought back to, so that not every look drops something. */
const LOW_WATER = 0.9

/**
 * Keeps the disk that the data folder takes within its bound: looks at it again and again, drops the oldest data of the embedded store where it is passed, and
 * where nothing is left that may go, stops the sources until there is room. What a restart needs is never dropped.
 */
export class DiskWatch {
  private readonly options: DiskWatchOptions
  private timer: NodeJS.Timeout | null = null
  private looking: Promise<void> = Promise.resolve()
  private stopped = false
  /** Disk that the data folder took at the last look; null before the first. */
  bytes: number | null = null

  constructor(options: DiskWatchOptions) {
    this.options = options
  }

  /** Looks now, and from then on again and again. */
  async start(): Promise<void> {
    await this.look()
    this.timer = setInterval(() => void this.look(), this.options.interval ?? 30_000)
  }

  /** Measures the folder and keeps it within its bound. Never rejects. */
  look(): Promise<void> {
    this.looking = this.looking
      .then(() => this.keep())
      .catch((error) => this.options.log.error({ err: error }, 'the data folder could not be kept within data.maxBytes'))
    return this.looking
  }

  async stop(): Promise<void> {
    if (this.timer) clearInterval(this.timer)
    await this.looking
  }

  problems(): Problem[] {
    const { directory, maxBytes } = this.options
    if (this.bytes === null || this.bytes < NEAR * maxBytes) return []
    const takes = `${directory} takes ${((100 * this.bytes) / maxBytes).toFixed(0)} % of data.maxBytes (${formatBytes(maxBytes)})`
    if (this.stopped)
      return [{ component: 'disk', reason: `${takes} and nothing is left to drop; nothing is read until there is room`, blocking: true }]
    return [{ component: 'disk', reason: `${takes}; beyond it the oldest data are dropped`, blocking: false }]
  }

  private async keep(): Promise<void> {
    const { directory, maxBytes, store, log } = this.options
    const before = this.bytes ?? 0
    this.bytes = await folderBytes(directory)
    if (this.bytes >= NEAR * maxBytes && before < NEAR * maxBytes)
      log.warn({ bytes: this.bytes, maxBytes }, 'the data folder comes near to data.maxBytes')
    if (this.bytes > maxBytes && store) await this.drop(store, this.bytes - LOW_WATER * maxBytes)
    this.halt(this.bytes > maxBytes)
  }

  private async drop(store: NonNullable<DiskWatchOptions['store']>, bytes: number): Promise<void> {
    const { directory, beside, log, onDropped, webhooks } = this.options
    const steps: GivenWay[] = []
    try {
      await beside(() =>
        giveWay(store, bytes, (step) => {
          steps.push(step)
          onDropped(step)
          log.warn(
            { ...step, until: new Date(step.until * 1000).toISOString() },
            'data were dropped before their time: data.maxBytes is passed',
          )
        }),
      )
    } finally {
      this.bytes = await folderBytes(directory)
      const rows = steps.length === 0 ? [] : deliveryRows([dataDroppedAlert(steps, Date.now())], webhooks)
      // The same on one day is told once: a repeat has the same token.
      if (rows.length > 0) await store.insert('webhook_deliveries', rows, `dropped/${rows[0]!.id}`)
    }
  }

  private halt(stop: boolean): void {
    if (stop !== this.stopped) {
      const { log, pause } = this.options
      if (stop) log.error({ bytes: this.bytes }, 'the data folder is full and nothing is left to drop: nothing is read until there is room')
      else log.info({ bytes: this.bytes }, 'the data folder has room again')
      pause(stop)
    }
    this.stopped = stop
  }
}
