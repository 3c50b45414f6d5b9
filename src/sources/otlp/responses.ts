import type { Signal } from '../../telemetry/otlp/records.ts'
import type { Encoding } from './check.ts'
import type { PartialSuccess } from './sink.ts'

/** Codes of google.rpc.Code that the receiver uses. */
export const rpcCode = { invalidArgument: 3, resourceExhausted: 8, unavailable: 14 } as const

export interface Status {
  readonly code: number
  readonly message: string
}

const REJECTED: Readonly<Record<Signal, string>> = {
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
  logs: 'rejectedLogRecords',
}

/** Export{Trace,Metrics,Logs}ServiceResponse, whose protobuf forms are the same. A full success leaves `partial_success` unset. */
export function exportResponse(signal: Signal, encoding: Encoding, partial: PartialSuccess | null): Buffer {
  if (encoding === 'json') {
    const partialSuccess = partial && { [REJECTED[signal]]: String(partial.rejected), errorMessage: partial.message }
    return Buffer.from(JSON.stringify(partialSuccess ? { partialSuccess } : {}))
  }
  if (!partial) return Buffer.alloc(0)
  return bytesField(1, Buffer.concat([varintField(1, partial.rejected), bytesField(2, Buffer.from(partial.message))]))
}

/** google.rpc.Status. */
export function statusBody({ code, message }: Status, encoding: Encoding): Buffer {
  return encoding === 'json' ? Buffer.from(JSON.stringify({ code, message })) : statusMessage({ code, message })
}

/** google.rpc.Status as protobuf, with a RetryInfo where the sender shall come again after so many seconds. */
export function statusMessage({ code, message }: Status, retryAfter: number | null = null): Buffer {
  const fields = [varintField(1, code), bytesField(2, Buffer.from(message))]
  if (retryAfter !== null) {
    const retryInfo = bytesField(1, varintField(1, retryAfter))
    const any = [bytesField(1, Buffer.from('type.googleapis.com/google.rpc.RetryInfo')), bytesField(2, retryInfo)]
    fields.push(bytesField(3, Buffer.concat(any)))
  }
  return Buffer.concat(fields)
}

function varintField(field: number, value: number): Buffer {
  return value === 0 ? Buffer.alloc(0) : Buffer.from([field << 3, ...varint(value)])
}

function bytesField(field: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(value.length)]), value])
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest % 128) + 128)
  }
}
