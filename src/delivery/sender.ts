import { setTimeout as sleep } from 'node:timers/promises'
import type { Row, Store } from '../store/store.ts'
import type { Dispatcher, TargetState } from './dispatcher.ts'
import { deliveryTable } from './outbox.ts'
import type { Replayed, Selection } from './replay.ts'
import type { Answered } from './test-alert.ts'

/** Milliseconds between looks for what other members wrote into the outbox, such as deliveries that are to be sent again. */
const LOOK_INTERVAL = 15_000
/** Milliseconds until a store that did not answer is asked again. */
const RETRY = 1000

export interface SenderOptions {
  readonly createDispatcher: () => Dispatcher
  readonly store: Pick<Store, 'insert'>
  /** Told of a store that does not answer; it is asked again. */
  readonly onTrouble: (error: Error) => void
  /** Milliseconds between two looks into the outbox. @default 15000 */
  readonly lookInterval?: number
}

/**
 * Sends webhooks for as long as this process decides. Who decides next reads from the store what was not delivered; where two hold it for a moment,
 * a webhook may go out twice, under one id.
 */
export class Sender {
  private readonly options: SenderOptions
  private readonly ending = new AbortController()
  private active: { readonly dispatcher: Dispatcher; readonly over: AbortController; readonly work: Promise<void> } | null = null
  private stopped: Promise<void> = Promise.resolve()

  constructor(options: SenderOptions) {
    this.options = options
  }

  /** Begins or ends to send. Returns at once; idempotent. */
  own(here: boolean): void {
    if (here === (this.active !== null)) return
    if (here) {
      const dispatcher = this.options.createDispatcher()
      const over = new AbortController()
      this.active = { dispatcher, over, work: this.work(dispatcher, over.signal) }
    } else {
      const { dispatcher, over, work } = this.active!
      this.active = null
      over.abort()
      this.stopped = Promise.all([this.stopped, dispatcher.stop(), work]).then(() => {})
    }
  }

  /** Rows of the outbox that the store has acknowledged. */
  notify(rows: readonly Row[]): void {
    this.active?.dispatcher.notify(rows)
  }

  /** Puts rows into the outbox that no range of the log causes, for whoever sends. Tried until the store takes them or this process ends. */
  async leave(rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return
    while (!this.ending.signal.aborted) {
      try {
        await this.options.store.insert(deliveryTable, rows, `left/${rows[0]!.id}`)
        await this.active?.dispatcher.reread()
        return
      } catch (error) {
        this.options.onTrouble(error as Error)
        await sleep(RETRY, undefined, { signal: this.ending.signal, ref: false }).catch(() => {})
      }
    }
  }

  /** Empty where another process sends. */
  states(): TargetState[] {
    return this.active?.dispatcher.states() ?? []
  }

  test(name: string): Promise<Answered[] | null> {
    return (this.active?.dispatcher ?? this.options.createDispatcher()).test(name)
  }

  /** Where another process sends, it finds them with its next look. */
  replay(selection: Selection): Promise<Replayed[]> {
    return (this.active?.dispatcher ?? this.options.createDispatcher()).replay(selection)
  }

  /** Ends what is under way. */
  stop(): Promise<void> {
    this.ending.abort()
    this.own(false)
    return this.stopped
  }

  private async work(dispatcher: Dispatcher, over: AbortSignal): Promise<void> {
    const pause = (milliseconds: number) => sleep(milliseconds, undefined, { signal: over, ref: false }).catch(() => {})
    await this.stopped
    let started = false
    while (!over.aborted) {
      try {
        await (started ? dispatcher.reread() : dispatcher.start())
        started = true
        await pause(this.options.lookInterval ?? LOOK_INTERVAL)
      } catch (error) {
        this.options.onTrouble(error as Error)
        await pause(RETRY)
      }
    }
  }
}
