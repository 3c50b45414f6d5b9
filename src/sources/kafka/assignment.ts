import type { TidewatchError } from '../../errors.ts'

/** A partition as long as this member owns it without a break. A rejoin makes new ones, so identity is the ownership. */
export interface OwnedPartition {
  readonly topic: string
  readonly partition: number
  /** `settling` until its place is known; `held` when it must not be read on. */
  state: 'settling' | 'reading' | 'held'
  /** Whether kafkajs fetches it; null before it was told. */
  fetching: boolean | null
  epoch: string
  /** First offset that no handler resolved yet. */
  position: number
  /** What kafkajs fetches next: beyond `position` where only control records are between. */
  fetchFrom: number
  /** Why it is held, or why its batch is refused at the moment. */
  problem: TidewatchError | Error | null
}

/** An error of the group protocol, wherever kafkajs wrapped it, or null for any other. kafkajs only reacts to the unwrapped one. */
export function groupError(error: unknown): (Error & { type: string }) | null {
  const types = ['REBALANCE_IN_PROGRESS', 'NOT_COORDINATOR_FOR_GROUP', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'FENCED_INSTANCE_ID']
  for (let at = error; at instanceof Error; at = at.cause) {
    const { type } = at as Error & { type?: string }
    if (type !== undefined && types.includes(type)) return at as Error & { type: string }
  }
  return null
}

/**
 * Who owns what, told without kafkajs, which neither says that the group is rebalancing nor refuses a commit that was
 * begun under an older assignment: every commit asks `owns` before and after.
 */
export class Assignment {
  private readonly owned = new Map<string, OwnedPartition>()
  private pending: (Error & { type: string }) | null = null

  /** A new assignment: all partitions of the one before are lost, also those that come again. */
  join(assigned: Readonly<Record<string, readonly number[]>>): OwnedPartition[] {
    this.lose()
    this.pending = null
    for (const [topic, partitions] of Object.entries(assigned)) {
      for (const partition of partitions) {
        this.owned.set(`${topic}/${partition}`, {
          topic,
          partition,
          state: 'settling',
          fetching: null,
          epoch: '',
          position: 0,
          fetchFrom: 0,
          problem: null,
        })
      }
    }
    return this.all()
  }

  lose(): void {
    this.owned.clear()
  }

  /**
   * Takes note of an error of the group protocol. While the group only rebalances, what is in work may still be finished and
   * committed; every other one means that somebody else may own our partitions already.
   */
  note(error: Error & { type: string }): void {
    this.pending = error
    if (error.type !== 'REBALANCE_IN_PROGRESS' && error.type !== 'NOT_COORDINATOR_FOR_GROUP') this.lose()
  }

  /** The error that makes kafkajs rejoin, when it has to: begin nothing new, rethrow it. */
  get rejoin(): Error | null {
    return this.pending
  }

  get(topic: string, partition: number): OwnedPartition | undefined {
    return this.owned.get(`${topic}/${partition}`)
  }

  owns(partition: OwnedPartition): boolean {
    return this.get(partition.topic, partition.partition) === partition
  }

  all(): OwnedPartition[] {
    return [...this.owned.values()]
  }
}
