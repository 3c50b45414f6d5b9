import type { Alert } from '../decisions/alert.ts'

/**
 * Alerts as they happen. The pipeline publishes what the store has acknowledged; listeners (event streams, the demo) hear
 * it at once, and the last `capacity` are kept so that a listener that was cut off can catch up.
 */
export class AlertFeed {
  private readonly recent: Alert[] = []
  private readonly listeners = new Set<(alert: Alert) => void>()
  private readonly capacity: number

  constructor(capacity = 1_000) {
    this.capacity = capacity
  }

  publish(alerts: readonly Alert[]): void {
    for (const alert of alerts) {
      this.recent.push(alert)
      if (this.recent.length > this.capacity) this.recent.shift()
      for (const listener of this.listeners) listener(alert)
    }
  }

  /** Listens to every alert from now on; the answer ends it. */
  subscribe(listener: (alert: Alert) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Alerts after the one of that id, oldest first; null when it is not kept any more. */
  after(id: string): Alert[] | null {
    const index = this.recent.findLastIndex((alert) => alert.id === id)
    return index < 0 ? null : this.recent.slice(index + 1)
  }
}
