import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { filesSource } from '../../../src/sources/files.ts'
import { sourceConformance } from '../conformance.ts'

for (const suffix of ['', '.gz']) {
  sourceConformance(`files (.jsonl${suffix})`, { live: false, ends: true, remembers: false }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tw-files-'))
    const paths = ['a', 'b', 'c'].map((name) => join(directory, `${name}.traces.jsonl${suffix}`))
    for (const path of paths) await appendFile(path, '')
    return {
      partitions: 1,
      async write(_partition, values) {
        const share = Math.ceil(values.length / paths.length)
        for (const [i, path] of paths.entries()) {
          const text = values.slice(i * share, (i + 1) * share).map((value) => `${Buffer.from(value)}\n`)
          await appendFile(path, suffix === '' ? text.join('') : gzipSync(text.join('')))
        }
      },
      open: () => filesSource(paths, { limits: { maxBytes: 20_000, maxRecords: 1000 } }),
      close: () => rm(directory, { recursive: true }),
    }
  })
}
