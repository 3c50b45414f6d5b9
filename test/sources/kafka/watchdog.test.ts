import { expect, it } from 'vitest'
import type { OwnedPartition } from '../../../src/sources/kafka/assignment.ts'
import { stall } from '../../../src/sources/kafka/watchdog.ts'

function reading(changes: Partial<OwnedPartition> = {}): OwnedPartition {
  return {
    topic: 't',
    partition: 0,
    state: 'reading',
    fetching: true,
    epoch: 'A',
    position: 5,
    fetchFrom: 5,
    problem: null,
    ...changes,
  }
}

/** Whether a stall is seen within some times the patience. */
async function isStalled(owned: OwnedPartition, { records = 3, busy = (): boolean => false, every = () => {} } = {}): Promise<boolean> {
  const life = new AbortController()
  const timer = setInterval(every, 10)
  const lag = async () => [{ topic: 't', partition: 0, records }]
  const seen = stall({ partitions: () => [owned], busy, lag, patience: 60, over: life.signal }).then(() => true)
  const outcome = await Promise.race([seen, new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 400))])
  life.abort()
  clearInterval(timer)
  return outcome
}

it('sees a partition that has records and brings none', async () => {
  expect(await isStalled(reading())).toBe(true)
})

it('leaves alone what moves, is read to its end, held, paused, or in a handler', async () => {
  const moving = reading()
  const outcomes = await Promise.all([
    isStalled(moving, { every: () => void moving.fetchFrom++ }),
    isStalled(reading(), { records: 0 }),
    isStalled(reading({ state: 'held' })),
    isStalled(reading({ fetching: false })),
    isStalled(reading(), { busy: () => true }),
  ])
  expect(outcomes).toEqual([false, false, false, false, false])
})
