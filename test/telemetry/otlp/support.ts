import { TidewatchError } from '../../../src/errors.ts'
import { createAttributeKeys } from '../../../src/telemetry/attribute-keys.ts'
import { type DecodeOptions, decodeRequest } from '../../../src/telemetry/otlp/decode.ts'
import type { OtlpRequest, Signal } from '../../../src/telemetry/otlp/records.ts'
import { families, names } from './messages.ts'

export const keys = createAttributeKeys(names, families)
export const signals: readonly Signal[] = ['traces', 'logs', 'metrics']

export function decode(bytes: Uint8Array, signal: Signal | null, options: Partial<DecodeOptions> = {}): OtlpRequest {
  return decodeRequest(bytes, { signal, keys, maxDepth: 32, maxBytes: 1e6, ...options })
}

export function decodeJson(json: unknown, options: Partial<DecodeOptions> = {}): OtlpRequest {
  return decode(Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)), null, options)
}

/** The code of the error that decoding ends with, null where it ends well. Any other error is thrown on. */
export function refusal(bytes: Uint8Array, signal: Signal | null, options: Partial<DecodeOptions> = {}): string | null {
  try {
    decode(bytes, signal, options)
    return null
  } catch (error) {
    if (error instanceof TidewatchError) return error.code
    throw error
  }
}
