import { createWriteStream, existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TidewatchError } from '../../../src/errors.ts'
import { splitLines } from '../../../src/sources/files/lines.ts'
import { type FilesOptions, filesSource } from '../../../src/sources/files.ts'
import { refusalOf } from '../../../src/sources/refusal.ts'
import type { SourceBatch, SourceRecord } from '../../../src/sources/source.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tw-files-'))
})
afterEach(() => rm(directory, { recursive: true }))

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, content)
  return path
}

async function readFiles(paths: readonly string[], options?: FilesOptions) {
  const source = filesSource(paths, options)
  const batches: SourceBatch[] = []
  const records: SourceRecord[] = []
  await source.start(async (batch) => {
    batches.push(batch)
    records.push(...batch.records)
  })
  const error: unknown = await source.ended.then(
    () => null,
    (reason) => reason,
  )
  await source.stop()
  return { source, batches, records, texts: records.map((record) => Buffer.from(record.value).toString()), error }
}

const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `{"n":${from + i}}`)

describe('several files', () => {
  it('are one log in the order given, offsets counting on', async () => {
    const one = await file('one.traces.jsonl', `${lines(0, 3).join('\n')}\n`)
    const two = await file('two.logs.jsonl.gz', gzipSync(lines(3, 5).join('\r\n\n')))
    const three = await file('three.metrics.json', '{\n  "n": 5\n}')
    const four = await file('traces.bin', Buffer.from([10, 0]))
    const { source, records, texts } = await readFiles([two, one, three, four])
    expect(texts).toEqual([...lines(3, 5), ...lines(0, 3), '{\n  "n": 5\n}', '\n\0'])
    expect(records.map((record) => record.offset)).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(records.map((record) => record.signal)).toEqual(['logs', 'logs', 'traces', 'traces', 'traces', 'metrics', 'traces'])
    expect(records.every((record) => record.timestamp === 0)).toBe(true)
    expect(source.end()).toMatchObject({ topic: 'files', partition: 0, first: 0, last: 6 })
    expect(source.locate(1)).toEqual({ file: two, record: 1 })
    expect(source.locate(4)).toEqual({ file: one, record: 2 })
    expect(source.locate(6)).toEqual({ file: four, record: 0 })
    expect(source.progress()).toBe(1)
  })

  it('have an epoch that follows from their names and sizes', async () => {
    const one = await file('one.jsonl', '{}\n')
    const two = await file('two.jsonl', '{}\n')
    const epoch = async (paths: string[]) => (await readFiles(paths)).batches[0]!.epoch
    expect(await epoch([one, two])).toBe(await epoch([one, two]))
    expect(await epoch([one, two])).not.toBe(await epoch([two, one]))
    const before = await epoch([one])
    await writeFile(one, '{"a":1}\n')
    expect(await epoch([one])).not.toBe(before)
  })
})

describe('names', () => {
  it('say the signal, or nothing', async () => {
    const signal = async (name: string) => (await readFiles([await file(name, '{}')])).records[0]!.signal
    expect(await signal('logs-of-traces.jsonl')).toBe('traces')
    expect(await signal('001.metrics.json')).toBe('metrics')
    expect(await signal('otlp_spans.bin')).toBe('traces')
    expect(await signal('catalogs.jsonl')).toBeNull()
  })

  it('that say nothing of the layout are refused at start', async () => {
    await expect(filesSource([await file('telemetry.txt', '{}')]).start(async () => {})).rejects.toMatchObject({
      code: 'TW_SOURCE_UNREADABLE',
    })
  })

  it('of no file are refused at start, with the path', async () => {
    const path = join(directory, 'absent.jsonl')
    await expect(filesSource([path]).start(async () => {})).rejects.toThrow(path)
    await expect(filesSource([`${directory}/x.jsonl/y.jsonl`]).start(async () => {})).rejects.toMatchObject({
      code: 'TW_SOURCE_UNREADABLE',
    })
  })
})

describe('.json', () => {
  it('may hold lines, as the Collector writes them into any name', async () => {
    expect((await readFiles([await file('out.json', `${lines(0, 4).join('\n')}\n`)])).texts).toEqual(lines(0, 4))
  })

  it('is one request otherwise, and a broken one stays one record', async () => {
    expect((await readFiles([await file('a.json', '[\n{"n":1},\n{"n":2}\n]')])).records).toHaveLength(1)
    expect((await readFiles([await file('b.json', '{"n":\n')])).records).toHaveLength(1)
    expect((await readFiles([await file('c.json', '')])).records).toHaveLength(0)
  })
})

describe('what is too large', () => {
  it('becomes a record with its beginning and the reason, and the file goes on', async () => {
    const path = await file('a.traces.jsonl', ['{"n":0}', 'y'.repeat(300_000), '{"n":2}', 'z'.repeat(1001), 'w'.repeat(1000)].join('\n'))
    const { records, texts } = await readFiles([path], { maxRecordBytes: 1000, keepBytes: 100 })
    expect(texts.map((text) => text.length)).toEqual([7, 100, 7, 100, 1000])
    expect(records.map((record) => refusalOf(record)?.size ?? null)).toEqual([null, 300_000, null, 1001, null])
    expect(refusalOf(records[1]!)).toMatchObject({ code: 'TW_TELEMETRY_TOO_LARGE' })
    const single = await readFiles([await file('b.bin', Buffer.alloc(5000, 1))], { maxRecordBytes: 1000, keepBytes: 100 })
    expect(single.records).toHaveLength(1)
    expect(single.records[0]!.value).toHaveLength(100)
    expect(refusalOf(single.records[0]!)).toMatchObject({ size: 5000 })
  })

  it('does not take the memory that its size says: a gzip bomb of one line', async () => {
    const path = join(directory, 'bomb.jsonl.gz')
    const megabyte = Buffer.alloc(2 ** 20, 'x')
    await pipeline(
      Readable.from(
        (function* () {
          for (let i = 0; i < 200; i++) yield megabyte
        })(),
      ),
      createGzip(),
      createWriteStream(path),
    )
    let most = 0
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().arrayBuffers)
    }, 1)
    const before = process.memoryUsage().arrayBuffers
    const { records } = await readFiles([path])
    clearInterval(watch)
    expect(refusalOf(records[0]!)?.size).toBe(200 * 2 ** 20)
    expect(records[0]!.value).toHaveLength(64 * 1024)
    expect(most - before).toBeLessThan(150 * 2 ** 20)
  })
})

describe('a gzip file that is cut off or damaged', () => {
  it('gives what can be read, then the error', async () => {
    const all = lines(0, 20_000)
    const zipped = gzipSync(all.join('\n'))
    for (const size of [zipped.length - 1, zipped.length - 8, zipped.length - 9, Math.floor(zipped.length / 2)]) {
      const { texts, error } = await readFiles([await file(`cut${size}.jsonl.gz`, zipped.subarray(0, size))])
      expect(error).toBeInstanceOf(TidewatchError)
      expect(error).toMatchObject({ code: 'TW_SOURCE_UNREADABLE', message: expect.stringContaining(`cut${size}.jsonl.gz`) })
      expect(texts.length).toBeGreaterThan(size > zipped.length - 9 ? 19_999 : 9000)
      expect(texts.slice(0, -1)).toEqual(all.slice(0, texts.length - 1))
      expect(all[texts.length - 1]!.startsWith(texts.at(-1)!)).toBe(true)
    }
  })

  it('does not read on into the next file', async () => {
    const cut = await file('a.jsonl.gz', gzipSync('{"n":0}\n').subarray(0, -4))
    const next = await file('b.jsonl', '{"n":1}\n')
    const { texts, error, source } = await readFiles([cut, next])
    expect(texts).toEqual(['{"n":0}'])
    expect(error).not.toBeNull()
    expect(source.problem()).toContain('cut off')
  })

  it('is named when it is no gzip at all', async () => {
    const { error } = await readFiles([await file('a.jsonl.gz', 'hello')])
    expect(error).toMatchObject({ code: 'TW_SOURCE_UNREADABLE', message: expect.stringContaining('incorrect header check') })
  })
})

it('stops for good when the handler says that the log is poisoned', async () => {
  const source = filesSource([await file('a.jsonl', lines(0, 10).join('\n'))], { limits: { maxBytes: 1e6, maxRecords: 2 } })
  let calls = 0
  await source.start(async () => {
    calls++
    throw new TidewatchError('TW_SOURCE_POISONED', 'files/0')
  })
  await expect(source.ended).rejects.toMatchObject({ code: 'TW_SOURCE_POISONED' })
  expect(calls).toBe(1)
  expect(source.problem()).toContain('Too many records')
  await source.stop()
})

describe('splitLines', () => {
  it('gives the same lines however the bytes are cut into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'ü'), maxLength: 12 }), { maxLength: 20 }),
        fc.constantFrom('\n', '\r\n'),
        fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
        async (texts, end, cuts) => {
          const bytes = Buffer.from(texts.join(end))
          async function* chunks() {
            for (let at = 0; at < bytes.length; ) {
              const cut = at + cuts.next().value
              yield bytes.subarray(at, cut)
              at = cut
            }
          }
          const found: [number, number][] = []
          for await (const lines of splitLines(chunks(), 10, 4)) for (const { value, size } of lines) found.push([value.length, size])
          const expected = texts.map((text, i) => {
            const size = Buffer.byteLength(text)
            const withEnd = size + (end === '\r\n' && i < texts.length - 1 ? 1 : 0)
            return withEnd > 10 ? [4, withEnd] : [size, size]
          })
          expect(found).toEqual(expected.filter(([, size]) => size! > 0))
        },
      ),
    )
  })
})

const recorded = '../shared/data/extraction/extraction-text-content-dev.traces.jsonl.gz'

it.skipIf(!existsSync(recorded))('reads a recorded set to its end (skipped where ../shared/data is absent)', async () => {
  const { texts, error } = await readFiles([recorded])
  expect(error).toBeNull()
  expect(texts.length).toBeGreaterThan(10)
  for (const text of texts) expect(text.startsWith('{') && text.endsWith('}')).toBe(true)
})
