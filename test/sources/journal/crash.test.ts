import { appendFile } from 'node:fs/promises'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Journal } from '../../../src/sources/journal/journal.ts'
import { journalScratch, record, segmentPaths } from './scratch.ts'

const scratch = journalScratch()

type Step =
  | { readonly kind: 'append'; readonly sizes: readonly number[] }
  | { readonly kind: 'deliver'; readonly maxRecords: number; readonly commit: boolean }
  | { readonly kind: 'crash'; readonly torn: number }
  | { readonly kind: 'close' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('append' as const), sizes: fc.array(fc.nat(300), { minLength: 1, maxLength: 6 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('deliver' as const), maxRecords: fc.integer({ min: 1, max: 9 }), commit: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const), torn: fc.nat(400) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const) }) },
)

it('loses no acknowledged record, delivers none again that was committed, and keeps their order, whatever crashes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 4, maxLength: 25 }),
      fc.constantFrom('always', 'interval', 'never'),
      async (steps, fsync) => {
        const directory = await scratch.directory()
        const options = { fsync: fsync as 'always', fsyncInterval: 0.001, segmentBytes: 700 }
        let journal: Journal = await scratch.open(directory, options)
        const acknowledged = new Map<number, string>()
        const committed = new Set<number>()
        const delivered = new Map<number, string>()
        let serial = 0
        let at = journal.committed

        const deliver = async (maxRecords: number, commit: boolean) => {
          const { records, next } = await journal.read(at, { maxBytes: 600, maxRecords })
          for (const { offset, value } of records) {
            const text = Buffer.from(value).toString()
            expect(committed.has(offset)).toBe(false)
            expect(delivered.get(offset) ?? text).toBe(text)
            delivered.set(offset, text)
          }
          const progress = next > at
          if (commit && progress) {
            await journal.commit(next)
            for (const { offset } of records) committed.add(offset)
          }
          at = next
          return progress
        }

        for (const step of steps) {
          if (step.kind === 'append') {
            const values = step.sizes.map((size) => `${serial++}:${'x'.repeat(size)}`)
            const { first, last } = await journal.append(values.map((value) => record(value)))
            expect(last - first + 1).toBe(values.length)
            values.forEach((value, i) => {
              expect(acknowledged.has(first + i)).toBe(false)
              acknowledged.set(first + i, value)
            })
          } else if (step.kind === 'deliver') {
            await deliver(step.maxRecords, step.commit)
          } else {
            if (step.kind === 'close') await journal.close()
            // The crashed journal stays open and is never used again, as the files of a killed process are.
            else if (step.torn > 0) await appendFile((await segmentPaths(directory)).at(-1)!, Buffer.alloc(step.torn, 0x54))
            journal = await scratch.open(directory, options)
            at = journal.committed
          }
        }
        at = journal.committed
        while (await deliver(100, true));
        expect([...delivered].sort(([a], [b]) => a - b)).toEqual([...acknowledged].sort(([a], [b]) => a - b))
        const serials = [...acknowledged].sort(([a], [b]) => a - b).map(([, text]) => Number.parseInt(text, 10))
        expect(serials).toEqual(serials.map((_, i) => i))
        expect(scratch.damages.filter((damage) => damage.kind !== 'tail')).toEqual([])
      },
    ),
    { numRuns: 120 },
  )
})
