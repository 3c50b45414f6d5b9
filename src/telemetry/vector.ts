import type { Reason } from './reasons.ts'
import { count, type Tally } from './tally.ts'

/**
 * A vector in one of its three forms: an OTLP array of numbers, bytes, or base64 text; bytes and base64 hold little-endian float32.
 * Always a copy (a Float32Array is taken as parsed before). `null` where there is none or it cannot be used; the reason is counted: `vector_type`, `vector_empty`, `vector_too_long`,
 * `vector_length` (bytes that are no multiple of 4), `vector_base64`, `vector_not_finite` (NaN or infinite elements, also after rounding to float32).
 */
export function parseVector(value: unknown, maxLength: number, clamped: Tally): Float32Array | null {
  if (value === undefined || value === null) return null
  if (value instanceof Float32Array) return value
  const vector = read(value, maxLength, clamped)
  if (vector === null) return null
  for (let i = 0; i < vector.length; i++) {
    if (!Number.isFinite(vector[i]!)) return refuse(clamped, 'vector_not_finite')
  }
  return vector
}

function read(value: unknown, maxLength: number, clamped: Tally): Float32Array | null {
  if (typeof value === 'string') return fromBase64(value, maxLength, clamped)
  if (value instanceof Uint8Array) return fromBytes(value, maxLength, clamped)
  if (!(value instanceof Float64Array || Array.isArray(value))) return refuse(clamped, 'vector_type')
  if (value.length === 0) return refuse(clamped, 'vector_empty')
  if (value.length > maxLength) return refuse(clamped, 'vector_too_long')
  if (Array.isArray(value) && !value.every((element) => typeof element === 'number')) return refuse(clamped, 'vector_type')
  return Float32Array.from(value as ArrayLike<number>)
}

function fromBase64(text: string, maxLength: number, clamped: Tally): Float32Array | null {
  if (text === '') return refuse(clamped, 'vector_empty')
  if (text.length > maxLength * 6) return refuse(clamped, 'vector_too_long')
  const bytes = Buffer.from(text, 'base64')
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  // Node skips what is not base64; a length that does not follow from the text gives it away.
  if (bytes.length !== Math.floor(((text.length - padding) * 3) / 4)) return refuse(clamped, 'vector_base64')
  return fromBytes(bytes, maxLength, clamped)
}

function fromBytes(bytes: Uint8Array, maxLength: number, clamped: Tally): Float32Array | null {
  if (bytes.length === 0) return refuse(clamped, 'vector_empty')
  if (bytes.length % 4 !== 0) return refuse(clamped, 'vector_length')
  if (bytes.length > maxLength * 4) return refuse(clamped, 'vector_too_long')
  const vector = new Float32Array(bytes.length / 4)
  new Uint8Array(vector.buffer).set(bytes)
  return vector
}

function refuse(clamped: Tally, reason: Reason): null {
  count(clamped, reason)
  return null
}
