import { once } from 'node:events'
import { Command, InvalidArgumentError } from 'commander'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { TidewatchError } from '../errors.ts'
import { type FilesSource, filesSource } from '../sources/files.ts'
import { refusalOf } from '../sources/refusal.ts'
import type { SourceBatch } from '../sources/source.ts'
import { openMapper } from '../stages/mapper.ts'
import type { Event } from '../telemetry/events.ts'
import type { JoinWindow } from '../telemetry/join.ts'
import type { Mapped, Mapper } from '../telemetry/map.ts'
import { decodeRequest } from '../telemetry/otlp/decode.ts'
import { InspectSummary } from './inspect-summary.ts'
import { inspectedEvent, inspectedRow, tableHead } from './inspect-view.ts'

interface Options {
  readonly json?: boolean
  readonly config?: string
  readonly hashIdentities?: boolean
  readonly limit: number
}

interface Refused {
  readonly code: string
  readonly reason: string
  readonly file: string
  readonly record: number
}

/** `tidewatch inspect FILE...`: what Tidewatch understands of telemetry. */
export function inspectCommand(): Command {
  return new Command('inspect')
    .description('Show what Tidewatch understands of telemetry: each call once, who made it, and what was refused.')
    .argument('<file...>', 'OTLP/JSON lines (.jsonl, .jsonl.gz) or single requests (.json, .bin), read as one log in this order')
    .option('--json', 'one event a line')
    .option('--limit <rows>', 'rows of the table, 0 for all', parseLimit, 200)
    .option('--config <file>', 'configuration; none is read unless this names one')
    .option('--hash-identities', 'keyed hashes instead of clear identities')
    .addHelpText(
      'after',
      `
Examples:
  tidewatch inspect spans.jsonl.gz                    a table, and a summary at its end
  tidewatch inspect 001.traces.bin 002.traces.bin     bodies of OTLP requests; the name says which signal
  tidewatch inspect spans.jsonl --json | jq 'select(.kind == "call" and .principal == null)'`,
    )
    .action(async (files: string[], options: Options) => {
      const config = loadConfig({ path: options.config, env: process.env })
      await inspect(files, { ...config, identity: { ...config.identity, hash: options.hashIdentities ?? false } }, options)
    })
}

function parseLimit(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('expected a number of rows, 0 for all')
  return Number(text)
}

/** Reads the files as one log and writes what is in them to stdout. */
async function inspect(files: readonly string[], config: Config, options: Options): Promise<void> {
  const mapper = await openMapper(config)
  const window = mapper.createWindow()
  const summary = new InspectSummary()
  const output = options.json ? new JsonLines() : new Table(options.limit)
  const show = async (mapped: Mapped, refused: readonly Refused[]): Promise<void> => {
    summary.note(mapped, refused)
    await output.write(mapped.events, refused)
  }
  const source = filesSource(files, { maxRecordBytes: config.ingest.maxRecordBytes })
  try {
    await source.start(async (batch) => {
      for (const { mapped, refused } of readBatch(batch, source, mapper, window, config)) await show(mapped, refused)
    })
    await source.ended
  } finally {
    await source.stop()
  }
  await show(mapper.flushAll(window), [])
  await output.end(summary)
}

function* readBatch(
  batch: SourceBatch,
  source: FilesSource,
  mapper: Mapper,
  window: JoinWindow,
  config: Config,
): Generator<{ mapped: Mapped; refused: Refused[] }> {
  const { topic, epoch, partition } = batch
  const { maxRecordBytes, maxDepth } = config.ingest
  for (const record of batch.records) {
    const { value, signal, offset, timestamp } = record
    const place = source.locate(offset)
    const refusal = refusalOf(record)
    if (refusal !== null) {
      yield { mapped: nothing, refused: [{ code: refusal.code, reason: refusal.reason, ...place }] }
      continue
    }
    try {
      const request = decodeRequest(value, { signal, keys: mapper.keys, maxBytes: maxRecordBytes, maxDepth })
      const mapped = mapper.map(request, { topic, epoch, partition, offset, timestampMillis: timestamp }, window)
      yield { mapped, refused: mapped.refused.map(({ code, reason }) => ({ code, reason, ...place })) }
    } catch (error) {
      if (!(error instanceof TidewatchError)) throw error
      yield { mapped: nothing, refused: [{ code: error.code, reason: error.message, ...place }] }
    }
  }
}

const nothing: Mapped = { events: [], refused: [], clamped: {}, ignored: {} }

interface InspectOutput {
  write(events: readonly Event[], refused: readonly Refused[]): Promise<void>
  end(summary: InspectSummary): Promise<void>
}

class JsonLines implements InspectOutput {
  async write(events: readonly Event[], refused: readonly Refused[]): Promise<void> {
    await print(
      [...events.map(inspectedEvent), ...refused.map((item) => ({ kind: 'refused', ...item }))].map((item) => JSON.stringify(item)),
    )
  }

  async end(): Promise<void> {}
}

/** Names of series have no bound; whole ones are in `--json`. */
const widestCell = 64

/** Columns keep their width once they have it, and grow where they must. */
class Table implements InspectOutput {
  readonly #limit: number
  readonly #widths = tableHead.map((title) => title.length)
  #rows = 0
  #left = 0

  constructor(limit: number) {
    this.#limit = limit === 0 ? Number.POSITIVE_INFINITY : limit
  }

  async write(events: readonly Event[], refused: readonly Refused[]): Promise<void> {
    const rows = events
      .slice(0, Math.max(0, this.#limit - this.#rows))
      .map((event) => inspectedRow(event).map((cell, i) => (i === tableHead.length - 1 ? cell : clip(cell))))
    for (const row of rows) for (const [i, cell] of row.entries()) this.#widths[i] = Math.max(this.#widths[i]!, cell.length)
    if (this.#rows === 0 && rows.length > 0) await print([this.#line(tableHead)])
    this.#rows += rows.length
    this.#left += events.length - rows.length
    await print(rows.map((row) => this.#line(row)))
    await print(refused.map(({ code, reason, file, record }) => `refused: ${file} record ${record}: ${reason} [${code}]`))
  }

  async end(summary: InspectSummary): Promise<void> {
    if (this.#left > 0) await print([`... and ${this.#left} more events (--limit 0 shows all)`])
    await print(['', ...summary.lines()])
  }

  #line(cells: readonly string[]): string {
    return cells
      .map((cell, i) => cell.padEnd(this.#widths[i]!))
      .join('  ')
      .trimEnd()
  }
}

function clip(cell: string): string {
  return cell.length <= widestCell ? cell : `${cell.slice(0, widestCell - 3)}...`
}

/** Lines to stdout; waits for a reader that is slower than we are. */
async function print(lines: readonly string[]): Promise<void> {
  if (lines.length > 0 && !process.stdout.write(`${lines.join('\n')}\n`)) await once(process.stdout, 'drain')
}
