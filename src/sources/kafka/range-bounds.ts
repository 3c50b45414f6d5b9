import { TidewatchError } from '../../errors.ts'

/** One end of a range: an offset, or the first record that was appended at that time (milliseconds) or later. */
export type Edge = { readonly offset: number } | { readonly time: number }

/** Which records of a topic are asked for. */
export interface RangeWish {
  readonly topic: string
  /** Null: every partition. */
  readonly partition: number | null
  /** The first record; null: the oldest that the log holds. */
  readonly from: Edge | null
  /** The record behind the last one; null: where the log ends now. */
  readonly to: Edge | null
}

/** Records that were asked for and are not there. Offsets; `from` is null where nobody can know, `to` is exclusive. */
export interface Lack {
  readonly topic: string
  readonly partition: number
  /** `retention`: the log gave them up; `not-written`: it ends before; `open-transaction`: a transaction that is not ended holds them back. */
  readonly reason: 'retention' | 'not-written' | 'open-transaction'
  readonly from: number | null
  readonly to: number
}

/** What is read of one partition. */
export interface RangePart {
  readonly topic: string
  readonly partition: number
  readonly first: number
  /** Exclusive. */
  readonly end: number
}

/** What the brokers tell of topics. */
export interface TopicPlaces {
  topics(): Promise<readonly string[]>
  /**
   * Of each partition the oldest offset (`start`), the one behind the last record that was written, in whatever transaction (`end`), or that of the first
   * record from a time (milliseconds) on, -1 where there is none.
   */
  places(topic: string, at: 'start' | 'end' | number): Promise<ReadonlyMap<number, number>>
}

/**
 * The parts that wishes come to, ordered by topic and partition, and what they lack. Throws TW_NOT_FOUND for a topic or partition that does not exist,
 * TW_USAGE where two wishes are about one partition.
 */
export async function rangeParts(brokers: TopicPlaces, wishes: readonly RangeWish[]): Promise<{ parts: RangePart[]; lacks: Lack[] }> {
  const existing = new Set(await brokers.topics())
  const parts: RangePart[] = []
  const lacks: Lack[] = []
  for (const wish of wishes) {
    const { topic } = wish
    if (!existing.has(topic)) throw new TidewatchError('TW_NOT_FOUND', `the topic ${topic}`)
    const lows = await brokers.places(topic, 'start')
    const highs = await brokers.places(topic, 'end')
    const timed = async (edge: Edge | null) => (edge !== null && 'time' in edge ? brokers.places(topic, edge.time) : null)
    const [froms, tos] = [await timed(wish.from), await timed(wish.to)]
    const chosen = [...lows].filter(([partition]) => wish.partition === null || wish.partition === partition)
    if (chosen.length === 0) throw new TidewatchError('TW_NOT_FOUND', `partition ${wish.partition} of the topic ${topic}`)
    for (const [partition, low] of chosen) {
      if (parts.some((part) => part.topic === topic && part.partition === partition))
        throw new TidewatchError('TW_USAGE', `${topic}:${partition} is asked for twice`)
      const high = highs.get(partition) ?? low
      const at = (places: ReadonlyMap<number, number> | null) => {
        const place = places?.get(partition)
        return place === undefined ? null : place < 0 ? high : place
      }
      const found = partOf({ low, high }, wish, at(froms), at(tos))
      parts.push({ topic, partition, first: found.first, end: found.end })
      lacks.push(...found.lacks.map((lack) => ({ topic, partition, ...lack })))
    }
  }
  const order = (a: RangePart, b: RangePart) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition)
  return { parts: parts.sort(order), lacks }
}

function partOf(log: { low: number; high: number }, wish: RangeWish, fromTime: number | null, toTime: number | null) {
  const lacks: Omit<Lack, 'topic' | 'partition'>[] = []
  const wantedFirst = wish.from !== null && 'offset' in wish.from ? wish.from.offset : (fromTime ?? log.low)
  const wantedEnd = wish.to !== null && 'offset' in wish.to ? wish.to.offset : (toTime ?? log.high)
  const first = Math.min(Math.max(wantedFirst, log.low), log.high)
  const end = Math.max(first, Math.min(wantedEnd, log.high))
  if (wantedFirst < log.low && wantedFirst < wantedEnd)
    lacks.push({ reason: 'retention', from: wantedFirst, to: Math.min(log.low, wantedEnd) })
  // By time: where the oldest record is the first one that fits, younger ones than asked for may be gone before it.
  if (fromTime !== null && fromTime === log.low && log.low > 0) lacks.push({ reason: 'retention', from: null, to: log.low })
  if (wantedEnd > log.high && wantedFirst < wantedEnd)
    lacks.push({ reason: 'not-written', from: Math.max(log.high, wantedFirst), to: wantedEnd })
  return { first, end, lacks }
}
