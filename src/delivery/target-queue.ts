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

  /** Deliveries in lanes that may be tried now. */
  get waiting(): number {
    return this.ready.reduce((sum, incident) => sum + this.lanes.get(incident)!.length, 0)
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

  /** About `most` deliveries, oldest first: whole lanes that may be tried and in which every one fits. They rest like those of `take`. */
  takeMany(most: number, fits: (delivery: QueuedDelivery) => boolean): QueuedDelivery[] {
    const taken: QueuedDelivery[] = []
    for (const incident of this.ready.splice(0)) {
      const lane = this.lanes.get(incident)!
      if (taken.length < most && lane.every(fits)) taken.push(...lane)
      else this.ready.push(incident)
    }
    return taken.sort((a, b) => a.created - b.created || a.ordinal - b.ordinal || (a.id < b.id ? -1 : 1))
  }

  /** The heads of their lanes may be tried once more. */
  again(...deliveries: readonly QueuedDelivery[]): void {
    this.ready.push(...new Set(deliveries.map(({ incident }) => incident)))
  }

  /** Delivered or given up: the next changes of their incidents may go. */
  settle(...deliveries: readonly QueuedDelivery[]): void {
    for (const { id, incident } of deliveries) {
      this.lanes.get(incident)!.shift()
      this.ids.delete(id)
    }
    for (const incident of new Set(deliveries.map((delivery) => delivery.incident))) {
      if (this.lanes.get(incident)!.length > 0) this.ready.push(incident)
      else this.lanes.delete(incident)
    }
  }
}
