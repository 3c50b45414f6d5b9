import { expect, it } from 'vitest'
import { type HeldPartition, idleness } from '../../../src/stages/kafka/idle.ts'

it('tells the time of partitions that are read to their end and had nothing since the last look', async () => {
  let held: HeldPartition[] = []
  let lag: { topic: string; partition: number; records: number }[] = []
  const told: string[] = []
  const look = idleness({
    held: () => held,
    lag: async () => lag,
    announce: async ({ topic, partition }, watermark) => void told.push(`${topic}/${partition} ${watermark}`),
    now: () => 5000,
  })
  const place = (partition: number, handled: number): HeldPartition => ({ topic: 't', epoch: 'e', partition, handled })
  held = [place(0, 3), place(1, 3), place(2, 3)]
  lag = [0, 1, 2].map((partition) => ({ topic: 't', partition, records: partition === 2 ? 4 : 0 }))
  await look()
  expect(told).toEqual([])
  // 0 is idle, 1 had a batch, 2 waits, 3 came new.
  held = [place(0, 3), place(1, 4), place(2, 3), place(3, 0)]
  lag = [...lag, { topic: 't', partition: 3, records: 0 }]
  await look()
  expect(told).toEqual(['t/0 5000000'])
  await look()
  expect(told.slice(1)).toEqual(['t/0 5000000', 't/1 5000000', 't/3 5000000'])
})
