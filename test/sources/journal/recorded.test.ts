import { rm } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { openRecordedJournal, type ReceivedSpan, type RecordedJournal } from '../../../src/sources/journal/recorded.ts'
import { journalScratch, record, segmentPaths } from './scratch.ts'

const scratch = journalScratch()
const everything: ReceivedSpan = { from: null, to: null }

async function textsOf(journal: RecordedJournal, span = everything, onDamage?: (records: number) => void): Promise<string[]> {
  const source = journal.source(span, onDamage)
  const texts: string[] = []
  await source.start(async ({ records }) => {
    texts.push(...records.map(({ value }) => Buffer.from(value).toString()))
  })
  await source.ended
  expect(source.progress()).toBe(1)
  await source.stop()
  return texts
}

describe('a journal that is only read', () => {
  it('gives what stands in it, beside a writer that goes on, again and again', async () => {
    const directory = await scratch.directory()
    const journal = await scratch.open(directory, { segmentBytes: 300 })
    const texts = Array.from({ length: 30 }, (_, at) => `record ${at}`)
    for (const text of texts) await journal.append([record(text)])
    expect((await segmentPaths(directory)).length).toBeGreaterThan(2)
    const recorded = (await openRecordedJournal(directory))!
    await journal.append([record('came later')])
    expect(await textsOf(recorded)).toEqual(texts)
    expect(await textsOf(recorded)).toEqual(texts)
    expect(recorded).toMatchObject({ oldest: 0, oldestReceived: 1_700_000_000_000 })
    expect(await textsOf((await openRecordedJournal(directory))!)).toEqual([...texts, 'came later'])
  })

  it('gives the records of a span, tells what was given up before, and counts what cannot be read', async () => {
    const directory = await scratch.directory()
    const journal = await scratch.open(directory, { segmentBytes: 300 })
    for (let at = 0; at < 30; at++) await journal.append([record(`record ${at}`, { receivedAt: 1000 + at })])
    await journal.commit(8)
    const recorded = (await openRecordedJournal(directory))!
    expect(recorded.oldest).toBeGreaterThan(0)
    expect(recorded.oldestReceived).toBe(1000 + recorded.oldest)
    expect(await textsOf(recorded, { from: 1025, to: 1028 })).toEqual(['record 25', 'record 26', 'record 27'])

    const paths = await segmentPaths(directory)
    expect(paths.length).toBeGreaterThan(2)
    const before = await textsOf(recorded)
    await rm(paths[1]!)
    let lost = 0
    const left = await textsOf((await openRecordedJournal(directory))!, everything, (records) => {
      lost += records
    })
    expect(lost).toBeGreaterThan(0)
    expect(left.length + lost).toBe(before.length)
  })

  it('is nothing where there is none', async () => {
    expect(await openRecordedJournal(await scratch.directory())).toBeNull()
    expect(await openRecordedJournal('/nowhere/at/all')).toBeNull()
  })
})
