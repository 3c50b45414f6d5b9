import { isoMicros } from '../telemetry/time.ts'
import type { PipelineStatus } from './deps.ts'
import { RateMeter } from './rate.ts'

/** The pipeline's counts with a rate, read once a second and told to all who watch. */
export class Progress {
  private readonly status: () => PipelineStatus
  private readonly meter = new RateMeter()
  private readonly listeners = new Set<() => void>()
  private readonly timer: NodeJS.Timeout

  constructor(status: () => PipelineStatus) {
    this.status = status
    this.meter.sample(status().events)
    this.timer = setInterval(() => {
      this.meter.sample(this.status().events)
      for (const listener of this.listeners) listener()
    }, 1_000)
    this.timer.unref()
  }

  read() {
    const { records, events, alerts, deadLetters, watermark, lag } = this.status()
    return {
      records,
      events,
      eventsPerSecond: this.meter.perSecond(),
      alerts,
      deadLetters,
      watermark: watermark === null ? null : isoMicros(watermark),
      lag,
    }
  }

  /** Calls once a second; the answer ends it. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  stop(): void {
    clearInterval(this.timer)
    this.listeners.clear()
  }
}
