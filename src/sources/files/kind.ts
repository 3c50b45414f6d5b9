import { basename } from 'node:path'
import { TidewatchError } from '../../errors.ts'
import type { Signal } from '../../telemetry/otlp/records.ts'

/** What a file's name says of its content. */
export interface FileKind {
  /** `lines`: an export request a line. `single`: one request. `json`: one request, or lines; the first line tells. */
  readonly layout: 'lines' | 'single' | 'json'
  readonly gzip: boolean
  readonly signal: Signal | null
}

const LAYOUTS: Readonly<Record<string, FileKind['layout']>> = {
  jsonl: 'lines',
  ndjson: 'lines',
  json: 'json',
  bin: 'single',
  pb: 'single',
}

const SIGNALS: Readonly<Record<string, Signal>> = { traces: 'traces', spans: 'traces', metrics: 'metrics', logs: 'logs' }

/** Throws TW_SOURCE_UNREADABLE for a name that is none of a telemetry file. */
export function fileKind(path: string): FileKind {
  const words = basename(path)
    .toLowerCase()
    .split(/[^a-z]+/)
  const gzip = words.at(-1) === 'gz'
  if (gzip) words.pop()
  const layout = LAYOUTS[words.pop() ?? '']
  if (!layout) throw new TidewatchError('TW_SOURCE_UNREADABLE', `${path}: expected .jsonl, .json or .bin, each with or without .gz`)
  const named = words.findLast((word) => Object.hasOwn(SIGNALS, word))
  return { layout, gzip, signal: named === undefined ? null : SIGNALS[named]! }
}
