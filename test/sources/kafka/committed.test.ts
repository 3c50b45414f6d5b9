import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type AbortedTransaction, committedRecords, type FetchedRecord } from '../../../src/sources/kafka/committed.ts'

type Step = { readonly producer: number; readonly does: 'says' | 'says plainly' | 'commits' | 'aborts' }

interface Log {
  readonly records: readonly FetchedRecord[]
  /** Whose records count: plain ones, and those of transactions that were committed. */
  readonly counted: ReadonlySet<string>
  readonly aborted: readonly (AbortedTransaction & { readonly marker: number })[]
}

/** What several producers write, as a broker keeps it; transactions that are open at the end are aborted. */
function logOf(steps: readonly Step[]): Log {
  const records: FetchedRecord[] = []
  const counted = new Set<string>()
  const aborted: (AbortedTransaction & { marker: number })[] = []
  const open = new Map<number, string[]>()
  const append = (producer: number, kind: { control?: 'commit' | 'abort'; inTransaction: boolean }): string => {
    const offset = String(records.length)
    records.push({
      offset,
      key: kind.control ? Buffer.from([0, 0, 0, kind.control === 'commit' ? 1 : 0]) : null,
      value: Buffer.from(offset),
      timestamp: '0',
      isControlRecord: kind.control !== undefined,
      batchContext: { producerId: String(producer), inTransaction: kind.inTransaction },
    })
    return offset
  }
  const end = (producer: number, how: 'commits' | 'aborts') => {
    const own = open.get(producer)
    if (!own) return
    open.delete(producer)
    const marker = Number(append(producer, { control: how === 'commits' ? 'commit' : 'abort', inTransaction: true }))
    if (how === 'commits') for (const offset of own) counted.add(offset)
    else aborted.push({ producerId: String(producer), firstOffset: own[0]!, marker })
  }
  for (const { producer, does } of steps) {
    if (does === 'says plainly') counted.add(append(10 + producer, { inTransaction: false }))
    else if (does === 'says') open.set(producer, [...(open.get(producer) ?? []), append(producer, { inTransaction: true })])
    else end(producer, does)
  }
  for (const producer of [...open.keys()]) end(producer, 'aborts')
  return { records, counted, aborted }
}

const step = fc.record({
  producer: fc.integer({ min: 0, max: 3 }),
  does: fc.constantFrom('says' as const, 'says' as const, 'says plainly' as const, 'commits' as const, 'aborts' as const),
})

it('wherever a fetch begins and ends, exactly the records of committed transactions and plain ones count', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.nat(), fc.nat(), (steps, a, b) => {
      const { records, counted, aborted } = logOf(steps)
      const from = records.length === 0 ? 0 : a % records.length
      const fetched = records.slice(from, from + 1 + (b % (records.length + 1)))
      // A broker tells of the aborted transactions that reach into the fetch, in the order of their ends.
      const last = from + fetched.length - 1
      const told = aborted.filter(({ firstOffset, marker }) => marker >= from && Number(firstOffset) <= last)
      const found = committedRecords(fetched, told).map(({ offset }) => offset)
      expect(found).toEqual(fetched.map(({ offset }) => offset).filter((offset) => counted.has(offset)))
    }),
    { numRuns: 500 },
  )
})
