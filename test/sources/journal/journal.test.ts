import { copyFile, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { journalScratch, readAll, record, segmentPaths } from './scratch.ts'

const scratch = journalScratch()

describe('append', () => {
  it('gives offsets in order and keeps signal, time, headers and bytes', async () => {
    const journal = await scratch.open(await scratch.directory())
    const headers = { 'tidewatch-key-id': 'k1', 'tidewatch-sequence': '7' }
    expect(await journal.append([record('a'), record('b')])).toEqual({ first: 0, last: 1 })
    expect(await journal.append([record('', { signal: 'metrics', headers, receivedAt: 5 })])).toEqual({ first: 2, last: 2 })
    const { records, next } = await journal.read(0, { maxBytes: 1e6, maxRecords: 100 })
    expect(next).toBe(3)
    expect(records[0]).toMatchObject({ offset: 0, signal: 'traces', timestamp: 1_700_000_000_000, headers: {} })
    expect(Buffer.from(records[1]!.value).toString()).toBe('b')
    expect(records[2]).toMatchObject({ offset: 2, signal: 'metrics', timestamp: 5, headers })
    expect(records[2]!.value).toHaveLength(0)
  })

  it('answers many appends after one fsync, in the order of the calls', async () => {
    const journal = await scratch.open(await scratch.directory(), { fsync: 'interval', fsyncInterval: 0.05 })
    const began = performance.now()
    const ranges = await Promise.all(Array.from({ length: 200 }, (_, i) => journal.append([record(`r${i}`)])))
    expect(performance.now() - began).toBeGreaterThan(45)
    expect(ranges.map((range) => range.first)).toEqual(Array.from({ length: 200 }, (_, i) => i))
    expect(await readAll(journal)).toEqual(ranges.map(({ first }, i) => [first, `r${i}`]))
  })

  it('does not wait for the interval when it is closed', async () => {
    const journal = await scratch.open(await scratch.directory(), { fsync: 'interval', fsyncInterval: 60 })
    const append = journal.append([record('last')])
    await journal.close()
    expect(await append).toEqual({ first: 0, last: 0 })
    await expect(journal.append([record('too late')])).rejects.toMatchObject({ code: 'TW_JOURNAL_UNWRITABLE' })
  })

  it('refuses all appends after the disk failed, and says so', async () => {
    const directory = await scratch.directory()
    const journal = await scratch.open(directory)
    await journal.append([record('a')])
    // @ts-expect-error reaches for the file to break it
    await journal.writer.file.close()
    await expect(journal.append([record('b')])).rejects.toMatchObject({ code: 'TW_JOURNAL_UNWRITABLE' })
    expect(journal.problem()).toContain('cannot be written')
    await expect(journal.append([record('c')])).rejects.toMatchObject({ code: 'TW_JOURNAL_UNWRITABLE' })
    const again = await scratch.open(directory)
    expect(await readAll(again)).toEqual([[0, 'a']])
  })
})

describe('room on disk', () => {
  it('is bounded: what does not fit is refused until something was committed', async () => {
    const journal = await scratch.open(await scratch.directory(), { maxBytes: 40_000, segmentBytes: 2 ** 20 })
    const big = 'x'.repeat(1000)
    let accepted = 0
    let refusal: unknown = null
    for (; refusal === null; accepted++) await journal.append([record(big)]).catch((error) => (refusal = error))
    accepted--
    expect(refusal).toMatchObject({ code: 'TW_JOURNAL_FULL' })
    expect(accepted).toBeGreaterThan(30)
    expect(journal.bytes).toBeLessThanOrEqual(40_000)
    expect(journal.problem()).toContain('full')
    await journal.commit(20)
    expect(journal.problem()).toBeNull()
    await journal.append([record(big)])
    expect((await readAll(journal)).map(([offset]) => offset)).toEqual(Array.from({ length: accepted - 19 }, (_, i) => i + 20))
  })

  it('never stays full once all is committed, whatever the sizes', async () => {
    const journal = await scratch.open(await scratch.directory(), { maxBytes: 40_000, segmentBytes: 2 ** 20 })
    for (let i = 0; i < 30; i++) {
      const { last } = await journal.append([record('x'.repeat(500 + ((i * 7919) % 19_000)))])
      await journal.commit(last + 1)
    }
  })

  it('refuses for good what could never fit', async () => {
    const journal = await scratch.open(await scratch.directory(), { maxBytes: 40_000 })
    await expect(journal.append([record('x'.repeat(30_000))])).rejects.toMatchObject({ code: 'TW_TELEMETRY_TOO_LARGE' })
  })

  it('is given back by whole segments below the low-water mark', async () => {
    const directory = await scratch.directory()
    let keep = 0
    const journal = await scratch.open(directory, { segmentBytes: 1000, lowWater: (committed) => Math.min(committed, keep) })
    for (let i = 0; i < 20; i++) await journal.append([record('x'.repeat(400))])
    const before = await segmentPaths(directory)
    await journal.commit(20)
    expect(await segmentPaths(directory)).toEqual(before)
    expect((await readAll(journal, 0)).length).toBe(20)
    keep = 10
    await journal.commit(20)
    expect(await segmentPaths(directory)).toEqual(before.slice(5))
    keep = 20
    await journal.commit(20)
    expect(await segmentPaths(directory)).toHaveLength(1)
  })
})

describe('opening again', () => {
  it('keeps epoch, place and offsets; another journal has another epoch', async () => {
    const directory = await scratch.directory()
    const first = await scratch.open(directory)
    await first.append([record('a'), record('b')])
    await first.commit(1)
    await first.close()
    const second = await scratch.open(directory)
    expect(second.epoch).toBe(first.epoch)
    expect(second.committed).toBe(1)
    expect(await readAll(second)).toEqual([[1, 'b']])
    expect(await second.append([record('c')])).toEqual({ first: 2, last: 2 })
    expect((await scratch.open(await scratch.directory())).epoch).not.toBe(first.epoch)
    expect(scratch.damages).toEqual([])
  })

  it('continues offsets and epoch where only the place was left', async () => {
    const directory = await scratch.directory()
    const first = await scratch.open(directory)
    await first.append([record('a'), record('b')])
    await first.commit(2)
    await first.close()
    const [segment] = await segmentPaths(directory)
    await rm(segment!)
    const second = await scratch.open(directory)
    expect(second.epoch).toBe(first.epoch)
    expect(await second.append([record('c')])).toEqual({ first: 2, last: 2 })
    expect(await readAll(second)).toEqual([[2, 'c']])
  })

  it('begins at the oldest record when the saved place is damaged, and reports it', async () => {
    const directory = await scratch.directory()
    const first = await scratch.open(directory)
    await first.append([record('a'), record('b')])
    await first.commit(1)
    await first.close()
    const path = join(directory, 'position.json')
    await writeFile(path, (await readFile(path, 'utf8')).replace('"next":1', '"next":2'))
    const second = await scratch.open(directory)
    expect(await readAll(second)).toEqual([
      [0, 'a'],
      [1, 'b'],
    ])
    expect(scratch.damages).toMatchObject([{ kind: 'position' }])
  })

  it('refuses a folder where two journals are mixed', async () => {
    const [one, two] = [await scratch.directory(), await scratch.directory()]
    for (const directory of [one, two]) await (await scratch.open(directory)).append([record('a')])
    await copyFile((await segmentPaths(two))[0]!, join(one, '0000000000000007.twj'))
    await expect(scratch.open(one)).rejects.toMatchObject({ code: 'TW_JOURNAL_CORRUPT' })
  })

  it('is not stopped by a crash while a segment was made', async () => {
    const directory = await scratch.directory()
    const first = await scratch.open(directory, { segmentBytes: 200 })
    for (const text of ['a', 'b', 'c', 'd', 'e', 'f']) await first.append([record(text.repeat(100))])
    const paths = await segmentPaths(directory)
    const last = paths.at(-1)!
    for (let size = 23; size >= 0; size -= 23) {
      await truncate(last, size)
      const again = await scratch.open(directory, { segmentBytes: 200 })
      expect((await readAll(again)).map(([, text]) => text[0])).toEqual(['a', 'b', 'c', 'd', 'e', 'f'].slice(0, paths.length - 1))
      expect(await segmentPaths(directory)).toEqual(paths)
    }
  })
})
