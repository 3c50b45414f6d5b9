import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type EachBatchPayload } from 'kafkajs'
import type { Logger } from 'pino'
import { errorCode, TidewatchError } from '../../errors.ts'
import { type BatchContext, type BatchHandler, PlaceLost, type SourceBatch } from '../source.ts'
import { type Assignment, groupError, type OwnedPartition } from './assignment.ts'
import { commitMetadata } from './places.ts'
import type { Memory } from './settling.ts'

const FIRST_BACKOFF_MS = 100
const LONGEST_BACKOFF_MS = 10_000
/** kafkajs looks for a vanished coordinator for seconds in each attempt already, and in vain. */
const COMMIT_PATIENCE_MS = 2000

export interface Delivery {
  readonly handler: BatchHandler
  readonly assignment: Assignment
  readonly memory: Memory
  /** Milliseconds between heartbeats while a handler works. */
  readonly heartbeatInterval: number
  /** Aborted when the source stops: no further attempt at a refused batch. */
  readonly stopping: AbortSignal
  /** Aborted when the source does not wait any longer for a handler that hangs. */
  readonly abandoned: AbortSignal
  readonly log: Logger
}

type Payload = Pick<EachBatchPayload, 'heartbeat' | 'commitOffsetsIfNecessary'>

/** Sends heartbeats for as long as a batch is in work, whether its handler thinks of it or not. */
class Heartbeats {
  private readonly payload: Payload
  private readonly assignment: Assignment
  private readonly timer: NodeJS.Timeout
  /** Aborted when the group wants this member to rejoin. */
  readonly moved = new AbortController()

  constructor(payload: Payload, { assignment, heartbeatInterval }: Delivery) {
    this.payload = payload
    this.assignment = assignment
    this.timer = setInterval(() => void this.beat(), heartbeatInterval)
  }

  /** Never rejects: what the answer means for us is kept in the assignment. A broker that is away decides nothing. */
  async beat(): Promise<void> {
    try {
      await this.payload.heartbeat()
    } catch (error) {
      const cause = groupError(error)
      if (!cause) return
      this.assignment.note(cause)
      this.moved.abort()
    }
  }

  stop(): void {
    clearInterval(this.timer)
  }
}

/** The handler's work, or 'abandoned' as soon as nobody waits for it any more. */
function handle({ handler, abandoned }: Delivery, batch: SourceBatch, context: BatchContext): Promise<'done' | 'abandoned'> {
  return new Promise((resolve, reject) => {
    const giveUp = () => resolve('abandoned')
    abandoned.addEventListener('abort', giveUp, { once: true })
    const work = async () => handler(batch, context)
    work()
      .then(() => resolve('done'), reject)
      .finally(() => abandoned.removeEventListener('abort', giveUp))
  })
}

/**
 * Brings one frozen batch to the handler until it resolves, then commits it.
 * Resolves with 'committed' when it was, under the ownership it began with. All else leaves the batch unresolved: the source
 * stops, the partition is held (`problem` says why), or it belongs to somebody else ('left'); or its place has to be asked for again. Throws what
 * kafkajs must see to rejoin or to restart.
 */
export async function deliver(
  owned: OwnedPartition,
  batch: SourceBatch,
  payload: Payload,
  delivery: Delivery,
): Promise<'committed' | 'left' | 'place lost'> {
  const { assignment, stopping, log } = delivery
  const heartbeats = new Heartbeats(payload, delivery)
  try {
    const context: BatchContext = {
      owned: () => assignment.owns(owned) && !delivery.abandoned.aborted,
      heartbeat: async () => {
        await heartbeats.beat()
        if (!context.owned()) {
          throw new TidewatchError('TW_SOURCE_UNAVAILABLE', `${batch.topic}/${batch.partition} belongs to another member of the group now`)
        }
      },
    }
    const where = { topic: batch.topic, partition: batch.partition, first: batch.first, last: batch.last }
    for (let backoff = FIRST_BACKOFF_MS; ; backoff = Math.min(2 * backoff, LONGEST_BACKOFF_MS)) {
      try {
        if ((await handle(delivery, batch, context)) === 'abandoned') return 'left'
        break
      } catch (error) {
        owned.problem = error as Error
        if (errorCode(error) === 'TW_SOURCE_POISONED') {
          owned.state = 'held'
          log.error({ ...where, err: error }, 'partition stopped: too many of its records are refused')
          return 'left'
        }
        // Who lost the partition to another member often learns it only now.
        if (error instanceof PlaceLost) await heartbeats.beat()
        if (stopping.aborted || !assignment.owns(owned)) return 'left'
        if (assignment.rejoin) throw assignment.rejoin
        if (error instanceof PlaceLost) {
          log.info({ ...where, reason: error.message }, 'the place of a partition is looked up again')
          return 'place lost'
        }
        log.warn({ ...where, err: error, retryIn: backoff }, 'batch refused, it is delivered again')
        const wake = AbortSignal.any([stopping, heartbeats.moved.signal])
        await sleep(backoff, undefined, { signal: wake }).catch(() => {})
        if (stopping.aborted || !assignment.owns(owned)) return 'left'
        if (assignment.rejoin) throw assignment.rejoin
      }
    }
    owned.problem = null
    return (await commit(owned, batch, payload, delivery)) ? 'committed' : 'left'
  } finally {
    heartbeats.stop()
  }
}

/**
 * Commits `last + 1`. Not by `consumer.commitOffsets`: that does nothing once the consumer stops, and repeats by itself under
 * whatever generation there is by then.
 */
async function commit(
  owned: OwnedPartition,
  batch: SourceBatch,
  payload: Payload,
  { assignment, memory, log }: Delivery,
): Promise<boolean> {
  const next = batch.last + 1
  const offsets = [{ partition: batch.partition, offset: String(next), metadata: commitMetadata(owned.epoch) }]
  const begun = performance.now()
  for (let attempt = 1; ; attempt++) {
    if (!assignment.owns(owned)) return false
    try {
      await payload.commitOffsetsIfNecessary({ topics: [{ topic: batch.topic, partitions: offsets }] })
      break
    } catch (error) {
      const cause = groupError(error)
      if (cause && cause.type !== 'NOT_COORDINATOR_FOR_GROUP') {
        // A commit, unlike a heartbeat, is refused only to those who are out of the group.
        assignment.note(cause)
        assignment.lose()
        throw cause
      }
      if (cause || performance.now() - begun > COMMIT_PATIENCE_MS) {
        // Nobody took the partition, the coordinator is gone; kafkajs asks for the new one only when it joins again.
        // The batch is done: it is not handed out again, its commit is made up for then.
        memory.set(`${batch.topic}/${batch.partition}`, { epoch: owned.epoch, position: next })
        throw cause ?? Object.assign(new kafkajs.KafkaJSProtocolError(error as Error), { type: 'NOT_COORDINATOR_FOR_GROUP' })
      }
      log.debug({ topic: batch.topic, partition: batch.partition, err: error, attempt }, 'commit failed, it is repeated')
      await sleep(100 * 2 ** attempt)
    }
  }
  if (!assignment.owns(owned)) return false
  memory.set(`${batch.topic}/${batch.partition}`, { epoch: owned.epoch, position: next })
  owned.position = next
  owned.fetchFrom = next
  return true
}
