import { TidewatchError } from '../../errors.ts'
import type { KafkaConfig } from './client.ts'

/** What a partition's place was known to be: from the group's commits, or from what this process delivered last. */
export interface KnownPlace {
  /** Next offset; 'none' where nobody ever committed, 'lost' where kafkajs replaced a place that was out of range. */
  readonly offset: number | 'none' | 'lost'
  /** Epoch of the topic that the offset belongs to; null where the commit was not Tidewatch's. */
  readonly epoch: string | null
}

/** What the broker says of a partition now. */
export interface LogBounds {
  readonly start: number
  readonly end: number
  /** Null where the brokers know no topic ids. */
  readonly topicId: string | null
}

/** Records that were never delivered, and never will be. */
export interface Gap {
  readonly topic: string
  readonly partition: number
  readonly reason: 'retention' | 'recreated'
  /** First offset that is missing, and the one where reading goes on; `from` is null where it is not known any more. */
  readonly from: number | null
  readonly to: number
  /** Lost records, counted by offsets; null where nobody can know. */
  readonly records: number | null
}

export interface Place {
  readonly offset: number
  readonly epoch: string
  readonly firstRun: boolean
  readonly gap: Gap | null
  /** Why this partition must not be read on, where the configuration says so. */
  readonly stop: TidewatchError | null
}

type Policy = Pick<KafkaConfig, 'startFrom' | 'onOffsetOutOfRange' | 'onTopicRecreated'>

/** Without topic ids epochs are counted: `r0`, `r1`, ... */
function epochAfter(epoch: string | null, topicId: string | null): string {
  if (topicId === null) return `r${epoch !== null && /^r\d+$/.test(epoch) ? Number(epoch.slice(1)) + 1 : 1}`
  if (epoch === null || !epoch.startsWith(topicId)) return topicId
  return `${topicId}~${Number(epoch.slice(topicId.length + 1) || 0) + 1}`
}

/** Whether an epoch belongs to the topic with this id. One that was counted, because the brokers knew no ids then, may belong to any. */
export function isEpochOf(epoch: string, topicId: string | null): boolean {
  return topicId === null || /^r\d+$/.test(epoch) || epoch === topicId || epoch.startsWith(`${topicId}~`)
}

/**
 * Where to read a partition from, by what is known, what is there and what the configuration wants:
 * - nobody committed: `startFrom`;
 * - another topic id, or a place beyond the log's end (the same signs as a log that was cut back): `onTopicRecreated`, with a new epoch,
 *   because the same offsets will name other records;
 * - a place before the log's start: `onOffsetOutOfRange`.
 */
export function placeOf(topic: string, partition: number, known: KnownPlace, log: LogBounds, policy: Policy): Place {
  const epoch = known.epoch !== null && isEpochOf(known.epoch, log.topicId) ? known.epoch : (log.topicId ?? 'r0')
  const recreated =
    (known.epoch !== null && !isEpochOf(known.epoch, log.topicId)) || (typeof known.offset === 'number' && known.offset > log.end)
  const where = `${topic}/${partition}`

  if (recreated) {
    const from = typeof known.offset === 'number' ? known.offset : null
    const gap: Gap = { topic, partition, reason: 'recreated', from, to: log.start, records: null }
    const stop =
      policy.onTopicRecreated === 'stop'
        ? new TidewatchError(
            'TW_SOURCE_TOPIC_RECREATED',
            `${where} was read up to ${from ?? 'an unknown offset'} and now holds ${log.start} to ${log.end}`,
          )
        : null
    return { offset: log.start, epoch: epochAfter(known.epoch, log.topicId), firstRun: false, gap, stop }
  }
  if (known.offset === 'none') {
    return { offset: policy.startFrom === 'latest' ? log.end : log.start, epoch, firstRun: true, gap: null, stop: null }
  }
  if (known.offset === 'lost' || known.offset < log.start) {
    const from = known.offset === 'lost' ? null : known.offset
    const to = policy.onOffsetOutOfRange === 'latest' ? log.end : log.start
    const gap: Gap = { topic, partition, reason: 'retention', from, to, records: from === null ? null : to - from }
    if (policy.onOffsetOutOfRange !== 'stop') return { offset: to, epoch, firstRun: false, gap, stop: null }
    const detail = `${where}: ${from === null ? 'the place was lost' : `offset ${from} is gone`}, the log holds ${log.start} to ${log.end}`
    return { offset: from ?? to, epoch, firstRun: false, gap, stop: new TidewatchError('TW_SOURCE_OFFSET_OUT_OF_RANGE', detail) }
  }
  return { offset: known.offset, epoch, firstRun: false, gap: null, stop: null }
}

/**
 * The place when somebody who knows better than the group's commits (the store) tells the first offset that is needed: it may lie
 * before what was committed, to read again, or after it. What is gone counts as a gap only from where nobody had read.
 */
export function toldPlace(told: number, topic: string, partition: number, known: KnownPlace, log: LogBounds, policy: Policy): Place {
  const place = placeOf(topic, partition, known, log, policy)
  if (place.stop?.code === 'TW_SOURCE_TOPIC_RECREATED') return place
  const committed = typeof known.offset === 'number' && place.gap?.reason !== 'recreated' ? known.offset : told
  const best = placeOf(topic, partition, { offset: Math.max(told, committed), epoch: place.epoch }, log, policy)
  if (best.gap) return best
  return { ...best, offset: Math.max(told, log.start), gap: place.gap?.reason === 'recreated' ? place.gap : null }
}

/** The text that goes with every commit, so that a later owner knows which topic the offset is of. */
export function commitMetadata(epoch: string): string {
  return JSON.stringify({ v: 1, epoch })
}

/** A group's stored place as admin.fetchOffsets gives it: -1 for none, other negatives after kafkajs reset it. */
export function committedPlace(offset: string, metadata: string | null): KnownPlace {
  const at = Number(offset)
  let epoch: string | null = null
  try {
    const parsed = metadata ? JSON.parse(metadata) : null
    if (parsed?.v === 1 && typeof parsed.epoch === 'string') epoch = parsed.epoch
  } catch {
    // Somebody else's metadata: the offset is taken all the same.
  }
  return { offset: at >= 0 ? at : at === -1 ? 'none' : 'lost', epoch }
}
