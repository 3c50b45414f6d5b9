import { createHash } from 'node:crypto'
import type { RangeKey, Row, TokenBase } from './store.ts'

/**
 * Version of how rows are formed and encoded. Part of every token: a repeat is dropped by its token alone, whatever rows it has, so
 * rows of another form must not carry the old token. Grows with every change of `rows.ts` or of this file that changes blocks.
 */
export const FORMAT_VERSION = 1

/** Rows that one block holds at most: the engine's own default. Larger inserts become several blocks, always cut at the same rows. */
const BLOCK_ROWS = 1_048_449

/**
 * Settings of every insert, all explicit, because a server's profile may say otherwise and each of them changes what a repeat does:
 * one insert is one block, in the views too (block numbers are part of the block's id), whatever its bytes and however many
 * table partitions it touches; nothing is inserted asynchronously; views are deduplicated with their source.
 */
export const insertSettings = {
  async_insert: 0,
  insert_deduplicate: 1,
  deduplicate_insert: 'enable',
  deduplicate_blocks_in_dependent_materialized_views: 1,
  max_insert_block_size: BLOCK_ROWS,
  max_insert_block_size_bytes: 0,
  min_insert_block_size_rows: BLOCK_ROWS,
  min_insert_block_size_bytes: 0,
  max_block_size: BLOCK_ROWS,
  group_by_two_level_threshold: 0,
  group_by_two_level_threshold_bytes: 0,
  max_partitions_per_insert_block: 0,
  input_format_parallel_parsing: 0,
  input_format_null_as_default: 1,
  materialized_views_ignore_errors: 0,
} as const satisfies Record<string, string | number>

/** Token of a range's rows in one table. */
export function rangeToken({ salt, format }: TokenBase, table: string, range: RangeKey): string {
  return token(salt, table, range.topic, range.epoch, range.partition, range.first, range.last, format)
}

/** SHA-256 over the parts; JSON keeps `a|b` and `a`, `b` apart. */
export function token(...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

export interface EncodedRows {
  readonly columns: readonly string[]
  /** JSONCompactEachRow: values in the order of `columns`. */
  readonly body: string
}

/** Rows encoded between two turns of the event loop. */
const ROWS_A_TURN = 2_000

/** Encodes rows. A column that a row lacks gets its default. Lets the event loop turn in between. */
export async function encodeRows(rows: readonly Row[]): Promise<EncodedRows> {
  const columns = columnsOf(rows)
  const chunks: string[] = []
  for (let start = 0; start < rows.length; start += ROWS_A_TURN) {
    if (start > 0) await new Promise((resolve) => setImmediate(resolve))
    let chunk = ''
    for (const row of rows.slice(start, start + ROWS_A_TURN)) chunk += `${encode(columns.map((column) => row[column]))}\n`
    chunks.push(chunk)
  }
  return { columns, body: chunks.join('') }
}

/** The engine refuses half a surrogate pair, which text from telemetry may hold; it becomes U+FFFD. */
function encode(values: readonly unknown[]): string {
  const text = JSON.stringify(values)
  if (!text.includes('\\ud')) return text
  return JSON.stringify(values, (_, value) => (typeof value === 'string' ? Buffer.from(value, 'utf8').toString('utf8') : value))
}

function columnsOf(rows: readonly Row[]): string[] {
  const columns = new Set<string>()
  let previous: readonly string[] = []
  for (const row of rows) {
    const keys = Object.keys(row)
    if (keys.length === previous.length && keys.every((key, index) => key === previous[index])) continue
    for (const key of keys) columns.add(key)
    previous = keys
  }
  return [...columns]
}

/** `INSERT` with its settings in the statement: they end with it, on a session that goes on as on a stateless connection. */
export function insertStatement(table: string, columns: readonly string[], settings: Readonly<Record<string, string | number>>): string {
  const list = Object.entries(settings).map(([name, value]) => `${name} = ${typeof value === 'number' ? value : `'${value}'`}`)
  return `INSERT INTO ${identifier(table)} (${columns.map(identifier).join(', ')}) SETTINGS ${list.join(', ')} FORMAT JSONCompactEachRow`
}

/** A name in backquotes. */
export function identifier(name: string): string {
  return `\`${name.replace(/[\\`]/g, '\\$&')}\``
}
