import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Journal } from '../../../src/sources/journal/journal.ts'
import { journalSource } from '../../../src/sources/journal/source.ts'
import { sourceConformance } from '../conformance.ts'

for (const fsync of ['always', 'interval', 'never'] as const) {
  sourceConformance(`journal (fsync ${fsync})`, { live: true, ends: false, remembers: true, seeks: true }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tw-journal-'))
    // Segments of a few records, so that every test crosses their borders.
    const options = { directory, fsync, fsyncInterval: 0.005, segmentBytes: 10_000, maxBytes: 2 ** 20, lowWater: () => 0 }
    let journal = await Journal.open(options)
    let reopen = false
    return {
      partitions: 1,
      async write(_partition, values) {
        for (const value of values) await journal.append([{ signal: 'traces', value, headers: {}, receivedAt: 1 }])
      },
      async open() {
        if (reopen) {
          await journal.close()
          journal = await Journal.open(options)
        }
        reopen = true
        return journalSource(journal, { limits: { maxBytes: 50_000, maxRecords: 1000 } })
      },
      async close() {
        await journal.close()
        await rm(directory, { recursive: true })
      },
    }
  })
}
