import type { Delivery } from './outbox.ts'

/** A delivery in work, with what its attempts came to. Times are milliseconds since the epoch. */
export interface QueuedDelivery extends Delivery {
  attempts: number
  refusals: number
  /** When it was first tried; null before. Its age counts from here, because event time may lie in the past. */
  firstAttempt: number | null
}

/**
 * What waits for one target. The changes of an incident form a lane and leave it in their order, one at a time; lanes do
 * not wait for each other. `hold` keeps no more than `capacity`.
 */
export class TargetQueue {
  private readonly lanes = new Map<string, QueuedDelivery[]>()
  private readonly ids = new Set<string>()
  /** Lanes whose head may be sent now. */
  private readonly ready: string[] = []
  private readonly capacity: number

  constructor(capacity: number) {
    this.capacity = capacity
  }

  get size(): number {
    return this.ids.size
  }

  /** Takes a delivery at the end of its incident's lane. False when it is full; one that is held already is ignored. */
  hold(delivery: QueuedDelivery): boolean {
    if (this.ids.has(delivery.id)) return true
    if (this.ids.size >= this.capacity) return false
    this.ids.add(delivery.id)
    const lane = this.lanes.get(delivery.incident)
    if (lane) lane.push(delivery)
    else {
      this.lanes.set(delivery.incident, [delivery])
      this.ready.push(delivery.incident)
    }
    return true
  }

  /** The next delivery to try, whose lane then rests until `again` or `settle`; null when none may be tried. */
  take(): QueuedDelivery | null {
    const incident = this.ready.shift()
    return incident === undefined ? null : this.lanes.get(incident)![0]!
  }

  /** The head of its lane may be tried once more. */
  again(delivery: QueuedDelivery): void {
    this.ready.push(delivery.incident)
  }

  /** Delivered or given up: the next change of the incident may go. */
  settle(delivery: QueuedDelivery): void {
    const lane = this.lanes.get(delivery.incident)!
    lane.shift()
    this.ids.delete(delivery.id)
    if (lane.length > 0) this.ready.push(delivery.incident)
    else this.lanes.delete(delivery.incident)
  }
}
