import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { TidewatchError } from '../errors.ts'
import { fileChunks } from './files/chunks.ts'
import { type FileKind, fileKind } from './files/kind.ts'
import { type Line, splitLines } from './files/lines.ts'
import { type OrderedLog, type OrderedLogOptions, OrderedLogSource } from './ordered-log.ts'
import type { RecordedLog } from './recorded-log.ts'
import { refusalHeaders } from './refusal.ts'
import type { SourceBatch, SourceRecord } from './source.ts'

const TOPIC = 'files'

export interface FilesOptions extends OrderedLogOptions {
  /** A longer line or request is refused: a record with its beginning and the reason. @default 16 MB */
  readonly maxRecordBytes?: number
  /** What is kept of it. @default 64 KB */
  readonly keepBytes?: number
  /** @default 4 MB and 1000 records */
  readonly limits?: { readonly maxBytes: number; readonly maxRecords: number }
}

/** `progress` counts the files' bytes. */
export interface FilesSource extends RecordedLog {
  /** The range that was read so far, whole once `ended` resolved; `last` is -1 before the first record. */
  end(): { readonly topic: string; readonly epoch: string; readonly partition: number; readonly first: number; readonly last: number }
  /** The file that a delivered record stands in, and its number there, from 0 (empty lines do not count). */
  locate(offset: number): { readonly file: string; readonly record: number }
}

interface FileEntry {
  readonly path: string
  readonly kind: FileKind
  readonly size: number
}

class FilesLog implements OrderedLog {
  readonly name = 'files'
  readonly topic = TOPIC
  epoch = ''
  next = 0
  /** First offset of each file that was begun. */
  readonly starts: { readonly path: string; readonly first: number }[] = []
  private readonly paths: readonly string[]
  private readonly maxRecordBytes: number
  private readonly keepBytes: number
  private readonly limits: { readonly maxBytes: number; readonly maxRecords: number }
  private files: FileEntry[] = []
  private bytesRead = 0
  private committed = 0
  private exhausted = false
  private failure: unknown = null
  private pending: readonly SourceRecord[] = []
  private taken = 0
  private readonly incoming: AsyncGenerator<SourceRecord[]>

  constructor(paths: readonly string[], options: FilesOptions) {
    this.paths = paths
    this.maxRecordBytes = options.maxRecordBytes ?? 16 * 2 ** 20
    this.keepBytes = options.keepBytes ?? 64 * 2 ** 10
    this.limits = options.limits ?? { maxBytes: 4 * 2 ** 20, maxRecords: 1000 }
    this.incoming = this.records()
  }

  async open(): Promise<void> {
    this.files = await Promise.all(this.paths.map(fileEntry))
    const identity = createHash('sha256')
    for (const { path, size } of this.files) identity.update(`${basename(path)}\0${size}\0`)
    this.epoch = identity.digest('hex').slice(0, 16)
  }

  async read(): Promise<SourceBatch | null> {
    const { limits } = this
    const records: SourceRecord[] = []
    for (let bytes = 0; records.length < limits.maxRecords && bytes < limits.maxBytes; ) {
      if (this.taken === this.pending.length && !(await this.more())) break
      const record = this.pending[this.taken]
      if (!record) continue
      this.taken++
      bytes += record.value.length
      records.push(record)
    }
    if (records.length > 0) {
      const [first, last] = [records[0]!.offset, records.at(-1)!.offset]
      return { topic: TOPIC, epoch: this.epoch, partition: 0, first, last, records }
    }
    if (this.failure) throw this.failure
    return null
  }

  async commit(next: number): Promise<void> {
    this.committed = next
  }

  /** At least this many: what a file holds is known only at its end. */
  lag(): number {
    return this.next - this.committed + (this.exhausted ? 0 : 1)
  }

  async close(): Promise<void> {
    await this.incoming.return(undefined)
  }

  progress(): number {
    const total = this.files.reduce((sum, file) => sum + file.size, 0)
    return this.exhausted ? 1 : total === 0 ? 0 : Math.min(1, this.bytesRead / total)
  }

  /** False at the end. What was read before a failure is delivered first; the failure is kept for then. */
  private async more(): Promise<boolean> {
    if (this.exhausted || this.failure) return false
    try {
      const { done, value } = await this.incoming.next()
      this.exhausted = done ?? false
      this.pending = done ? [] : value
      this.taken = 0
      return !done
    } catch (error) {
      this.failure = error
      return false
    }
  }

  private async *records(): AsyncGenerator<SourceRecord[]> {
    for (const file of this.files) {
      this.starts.push({ path: file.path, first: this.next })
      for await (const lines of this.linesOf(file)) yield lines.map((line) => this.record(file, line))
    }
  }

  private async *linesOf({ path, kind }: FileEntry): AsyncGenerator<Line[]> {
    const { layout, gzip } = kind
    const lines = layout === 'lines' || (layout === 'json' && (await this.holdsLines(path, gzip)))
    const chunks = fileChunks(path, gzip, (count) => {
      this.bytesRead += count
    })
    if (lines) yield* splitLines(chunks, this.maxRecordBytes, this.keepBytes)
    else yield await wholeFile(chunks, this.maxRecordBytes, this.keepBytes)
  }

  /** The Collector's file exporter writes lines into whatever name it is given, `.json` included. */
  private async holdsLines(path: string, gzip: boolean): Promise<boolean> {
    for await (const [first] of splitLines(
      fileChunks(path, gzip, () => {}),
      this.maxRecordBytes,
      this.keepBytes,
    )) {
      if (!first) continue
      try {
        JSON.parse(first.value.toString())
        return true
      } catch {
        return false
      }
    }
    return false
  }

  private record({ kind }: FileEntry, { value, size }: Line): SourceRecord {
    const reason = `${size} bytes, the limit is ${this.maxRecordBytes}`
    const headers = size > this.maxRecordBytes ? refusalHeaders({ code: 'TW_TELEMETRY_TOO_LARGE', reason, size }) : {}
    return { offset: this.next++, timestamp: 0, signal: kind.signal, value, headers }
  }
}

async function fileEntry(path: string): Promise<FileEntry> {
  const kind = fileKind(path)
  const found = await stat(path).catch((cause) => {
    throw new TidewatchError('TW_SOURCE_UNREADABLE', cause.message, { cause })
  })
  if (!found.isFile()) throw new TidewatchError('TW_SOURCE_UNREADABLE', `${path} is not a file`)
  return { path, kind, size: found.size }
}

async function wholeFile(chunks: AsyncIterable<Buffer>, maxBytes: number, keepBytes: number): Promise<Line[]> {
  const parts: Buffer[] = []
  let size = 0
  for await (const chunk of chunks) {
    if (size <= maxBytes) parts.push(chunk)
    size += chunk.length
  }
  const value = Buffer.concat(parts)
  if (size === 0) return []
  return [{ value: size > maxBytes ? Buffer.from(value.subarray(0, keepBytes)) : value, size }]
}

/**
 * Files as one ordered log, in the order given: topic `files`, partition 0, offsets counting on over the files. `.jsonl` holds one
 * OTLP/JSON export request a line, `.json` and `.bin` one request each (a `.json` of lines is recognised); all may end in `.gz`.
 * The file's name says which signal (`x.traces.jsonl`). The epoch follows from names and sizes, so the same files are the same log.
 * `start` rejects with TW_SOURCE_UNREADABLE where a file is missing or its name says nothing. Where one cannot be read to its end, what
 * could be read is delivered, then `ended` rejects with that code. Nothing is remembered: a new source begins anew.
 */
export function filesSource(paths: readonly string[], options: FilesOptions = {}): FilesSource {
  const log = new FilesLog(paths, options)
  return Object.assign(new OrderedLogSource(log, options), {
    progress: () => log.progress(),
    end: () => ({ topic: TOPIC, epoch: log.epoch, partition: 0, first: 0, last: log.next - 1 }),
    locate: (offset: number) => {
      const start = log.starts.findLast(({ first }) => first <= offset)!
      return { file: start.path, record: offset - start.first }
    },
  })
}
