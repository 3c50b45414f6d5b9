import { type ErrorCode, errorTable } from '../errors.ts'
import type { SourceRecord } from './source.ts'

/**
 * Bad input that a source or receiver noticed before anybody decoded it. It goes into the log all the same, as a record with
 * (a part of) its bytes and these headers, so that the ingest stage puts it into the dead letters in log order, once.
 */
export interface Refusal {
  readonly code: ErrorCode
  readonly reason: string
  /** Bytes of the whole input, as far as it was read; the record's value may be less. */
  readonly size: number
}

const CODE = 'tidewatch-refused'
const REASON = 'tidewatch-refused-reason'
const SIZE = 'tidewatch-refused-size'

export function refusalHeaders({ code, reason, size }: Refusal): Record<string, string> {
  return { [CODE]: code, [REASON]: reason.slice(0, 500), [SIZE]: String(size) }
}

/** Why a record was refused at the door; null for every ordinary record. Such a record must not be decoded: its bytes may be cut. */
export function refusalOf(record: Pick<SourceRecord, 'headers' | 'value'>): Refusal | null {
  const code = record.headers[CODE]
  if (code === undefined) return null
  const size = Number(record.headers[SIZE])
  return {
    code: Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'TW_TELEMETRY_MALFORMED',
    reason: record.headers[REASON] ?? '',
    size: Number.isSafeInteger(size) ? size : record.value.length,
  }
}
