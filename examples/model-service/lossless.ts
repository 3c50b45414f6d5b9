import { setTimeout as sleep } from 'node:timers/promises'
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace-base'

const batchSize = 500

/**
 * Keeps every ended span until the receiver took it. The SDK's BatchSpanProcessor drops spans when they come faster than they leave, which is
 * right for a service (telemetry must never slow it down) and wrong here: three days are sent within seconds, and a reference learned from
 * what happened to survive would be no reference. So whoever makes spans awaits `forceFlush()` now and then, and a receiver that asks for
 * patience (429, 503) slows the sender down.
 */
export class LosslessSpanProcessor implements SpanProcessor {
  readonly #exporter: SpanExporter
  #waiting: ReadableSpan[] = []
  #sending: Promise<void> = Promise.resolve()
  readonly #stopped = new AbortController()

  constructor(exporter: SpanExporter) {
    this.#exporter = exporter
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    this.#waiting.push(span)
  }

  forceFlush(): Promise<void> {
    this.#sending = this.#sending.then(() => this.#drain())
    return this.#sending
  }

  /** Sends what is left, once; a receiver that is gone is not waited for. */
  async shutdown(): Promise<void> {
    this.#stopped.abort()
    await this.forceFlush()
    await this.#exporter.shutdown()
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, batchSize)
      const accepted = await this.#send(batch)
      if (!accepted && this.#stopped.signal.aborted) return
      if (accepted) this.#waiting = this.#waiting.slice(batch.length)
      else await sleep(250, undefined, { signal: this.#stopped.signal }).catch(() => {})
    }
  }

  #send(batch: ReadableSpan[]): Promise<boolean> {
    return new Promise((resolve) => this.#exporter.export(batch, ({ code }) => resolve(code === 0)))
  }
}
