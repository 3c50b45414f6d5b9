import { appendFile, cp, open, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameCodec } from '../../../src/sources/journal/frame.ts'
import { journalScratch, readAll, record, segmentPaths } from './scratch.ts'

const scratch = journalScratch()
const texts = ['alpha', 'beta', 'gamma', 'delta', 'epsilon']

async function journalOf(values: readonly string[], segmentBytes = 2 ** 20) {
  const directory = await scratch.directory()
  const journal = await scratch.open(directory, { segmentBytes })
  const sizes: number[] = []
  for (const value of values) {
    await journal.append([record(value)])
    sizes.push((await readFile((await segmentPaths(directory)).at(-1)!)).length)
  }
  await journal.close()
  return { directory, sizes }
}

async function copyOf(directory: string): Promise<string> {
  const copy = await scratch.directory()
  await cp(directory, copy, { recursive: true })
  return copy
}

async function flip(path: string, at: number, mask = 0xff): Promise<void> {
  const file = await open(path, 'r+')
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at)
  await file.write(Buffer.from([buffer[0]! ^ mask]), 0, 1, at)
  await file.close()
}

describe('a torn tail', () => {
  it('is cut off wherever the crash came, and what stands before it stays', async () => {
    const { directory, sizes } = await journalOf(texts)
    for (let size = sizes[2]!; size < sizes[4]!; size++) {
      const copy = await copyOf(directory)
      await truncate((await segmentPaths(copy))[0]!, size)
      scratch.damages.length = 0
      const journal = await scratch.open(copy)
      const whole = texts.slice(0, size >= sizes[3]! ? 4 : 3)
      const torn = size - sizes[whole.length - 1]!
      expect(scratch.damages).toMatchObject(torn > 0 ? [{ kind: 'tail', bytes: torn }] : [])
      const { first } = await journal.append([record('after')])
      expect(await readAll(journal)).toEqual([...whole.map((text, i) => [i, text]), [first, 'after']])
      await journal.close()
      const again = await scratch.open(copy)
      expect((await readAll(again)).map(([, text]) => text)).toEqual([...whole, 'after'])
      expect(scratch.damages.filter((damage) => damage.kind === 'records')).toEqual([])
      await again.close()
    }
  })

  it('never makes an offset name another record than the one that may have been delivered', async () => {
    const { directory } = await journalOf(texts)
    const path = (await segmentPaths(directory))[0]!
    await flip(path, (await readFile(path)).length - 1)
    const journal = await scratch.open(directory)
    expect((await journal.append([record('new')])).first).toBeGreaterThan(4)
  })

  it('does not take a place back that was committed before', async () => {
    const { directory, sizes } = await journalOf(texts)
    const before = await scratch.open(directory)
    await before.commit(5)
    await before.close()
    await truncate((await segmentPaths(directory))[0]!, sizes[1]!)
    const journal = await scratch.open(directory)
    const { first } = await journal.append([record('new')])
    expect(first).toBe(5)
    expect(await readAll(journal)).toEqual([[5, 'new']])
    expect(scratch.damages).toEqual([])
  })
})

describe('damage in the middle', () => {
  it('loses the records it hits and no other, and is reported once', async () => {
    const { directory, sizes } = await journalOf(texts)
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 24, max: sizes[3]! - 1 }), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const copy = await copyOf(directory)
        await flip((await segmentPaths(copy))[0]!, at, mask)
        scratch.damages.length = 0
        const journal = await scratch.open(copy)
        const hit = sizes.findIndex((size) => at < size)
        expect(await readAll(journal)).toEqual(texts.map((text, i) => [i, text] as const).filter(([i]) => i !== hit))
        expect(scratch.damages).toMatchObject([{ kind: 'records', records: 1 }])
        expect(scratch.damages[0]!.bytes).toBe(sizes[hit]! - (sizes[hit - 1] ?? 24))
        expect(await journal.append([record('after')])).toEqual({ first: 5, last: 5 })
        await journal.close()
      }),
      { numRuns: 150 },
    )
  })

  it('is noticed in sealed segments too, at their ends and in their headers', async () => {
    const values = Array.from({ length: 12 }, (_, i) => `${i}`.padEnd(60, '.'))
    const { directory } = await journalOf(values, 250)
    const paths = await segmentPaths(directory)
    expect(paths.length).toBeGreaterThan(4)
    const size = (await readFile(paths[1]!)).length
    await flip(paths[0]!, 5)
    await truncate(paths[1]!, size - 10)
    await writeFile(paths[2]!, '')
    const journal = await scratch.open(directory, { segmentBytes: 250 })
    const found = await readAll(journal)
    const missing = Array.from({ length: 12 }, (_, i) => i).filter((i) => !found.some(([offset]) => offset === i))
    expect(missing).toEqual([3, 4, 5])
    expect(scratch.damages.every((damage) => damage.kind === 'records')).toBe(true)
    expect(scratch.damages.reduce((sum, damage) => sum + damage.records!, 0)).toBe(3)
  })

  it('cannot be used by a sender to slip in a record: its bytes are no frame of this journal', async () => {
    const directory = await scratch.directory()
    const journal = await scratch.open(directory)
    const forged = Buffer.alloc(200)
    new FrameCodec('0011223344556677').encode(forged, 0, 99, record('forged'))
    await journal.append([record('a'), { ...record(''), value: forged }, record('b')])
    await journal.close()
    const path = (await segmentPaths(directory))[0]!
    await flip(path, 24 + 37 + 4)
    expect(await readAll(await scratch.open(directory))).toEqual([
      [0, 'a'],
      [2, 'b'],
    ])
  })

  it('by bytes of another program behind the end is cut off', async () => {
    const { directory } = await journalOf(texts)
    await appendFile((await segmentPaths(directory))[0]!, Buffer.alloc(3 * 2 ** 20, 'garbage'))
    const journal = await scratch.open(directory)
    expect(scratch.damages).toMatchObject([{ kind: 'tail', bytes: 3 * 2 ** 20 }])
    expect((await readAll(journal)).map(([, text]) => text)).toEqual(texts)
  })

  it('in every header leaves nothing to believe: the journal is refused and says what to do', async () => {
    const { directory } = await journalOf(texts)
    await flip((await segmentPaths(directory))[0]!, 9)
    await expect(scratch.open(directory)).rejects.toThrow(/move the folder away/)
    expect(await readFile(join((await segmentPaths(directory))[0]!))).not.toHaveLength(0)
  })
})
