import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import type { JournalDamage } from '../../../src/sources/journal/damage.ts'
import type { JournalRecord } from '../../../src/sources/journal/frame.ts'
import { Journal, type JournalOptions } from '../../../src/sources/journal/journal.ts'

/** Journals in folders that go away after the test. */
export interface Scratch {
  directory(): Promise<string>
  /** Opens a journal; damages are gathered in `damages`. */
  open(directory: string, options?: Partial<JournalOptions>): Promise<Journal>
  readonly damages: JournalDamage[]
}

export function journalScratch(): Scratch {
  const directories: string[] = []
  const journals: Journal[] = []
  const damages: JournalDamage[] = []
  afterEach(async () => {
    await Promise.all(journals.splice(0).map((journal) => journal.close().catch(() => {})))
    await Promise.all(directories.splice(0).map((directory) => rm(directory, { recursive: true, force: true })))
    damages.length = 0
  })
  return {
    damages,
    async directory() {
      const directory = await mkdtemp(join(tmpdir(), 'tw-journal-'))
      directories.push(directory)
      return directory
    },
    async open(directory, options = {}) {
      const journal = await Journal.open({
        directory,
        fsync: 'always',
        fsyncInterval: 0.02,
        segmentBytes: 2 ** 20,
        maxBytes: 2 ** 24,
        onDamage: (damage) => damages.push(damage),
        ...options,
      })
      journals.push(journal)
      return journal
    },
  }
}

export function record(text: string, more: Partial<JournalRecord> = {}): JournalRecord {
  return { signal: 'traces', value: Buffer.from(text), headers: {}, receivedAt: 1_700_000_000_000, ...more }
}

/** Everything from an offset on, as offset and text. */
export async function readAll(journal: Journal, from = journal.committed): Promise<[number, string][]> {
  const found: [number, string][] = []
  for (let at = from; ; ) {
    const { records, next } = await journal.read(at, { maxBytes: 1000, maxRecords: 10 })
    for (const { offset, value } of records) found.push([offset, Buffer.from(value).toString()])
    if (next === at) return found
    at = next
  }
}

/** Paths of the segments, oldest first. */
export async function segmentPaths(directory: string): Promise<string[]> {
  return (await readdir(directory))
    .filter((name) => name.endsWith('.twj'))
    .sort()
    .map((name) => join(directory, name))
}
