import { count } from '../tally.ts'
import type { Limits } from './reading.ts'

/** A parsed JSON object. */
export type Json = Readonly<Record<string, unknown>>

export function asObject(value: unknown): Json | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null
}

/** A field by its JSON name, or by its name in the protobuf definition, which some producers write. `undefined` where absent or null. */
export function fieldOf(json: Json, name: string, snakeName = name): unknown {
  const value = Object.hasOwn(json, name) ? json[name] : undefined
  if (value !== undefined && value !== null) return value
  if (snakeName === name || !Object.hasOwn(json, snakeName)) return undefined
  return json[snakeName] ?? undefined
}

/**
 * Reads fields of OTLP/JSON. What has a wrong type is absent and counted (`json_type`): numbers are accepted as text and text only as text,
 * enums by number and by name.
 */
export class JsonFields {
  readonly limits: Limits

  constructor(limits: Limits) {
    this.limits = limits
  }

  wrong<T>(instead: T): T {
    count(this.limits.clamped, 'json_type')
    return instead
  }

  text(value: unknown): string {
    if (typeof value === 'string') return value
    return value === undefined ? '' : this.wrong('')
  }

  flag(value: unknown): boolean {
    if (typeof value === 'boolean') return value
    if (value === 'true') return true
    return value === undefined || value === 'false' ? false : this.wrong(false)
  }

  /** A number, or text that is one (also `NaN`, `Infinity` and `-Infinity`); null for anything else. */
  number(value: unknown): number | null {
    if (typeof value === 'number') return value
    if (value === undefined) return null
    if (typeof value === 'string') {
      if (value === 'NaN') return Number.NaN
      const number = value.trim() === '' ? Number.NaN : Number(value)
      if (!Number.isNaN(number)) return number
    }
    return this.wrong(null)
  }

  /** Nanoseconds as whole microseconds, rounded down; exact for text below 2^53 microseconds. A JSON number of today's nanoseconds has lost its last digits already. */
  micros(value: unknown): number {
    if (value === undefined) return 0
    if (typeof value === 'string' && /^\d+$/.test(value)) return value.length > 3 ? Number(value.slice(0, -3)) : 0
    const nanos = this.number(value)
    if (nanos === null) return 0
    return nanos >= 0 && Number.isFinite(nanos) ? Math.floor(nanos / 1000) : this.wrong(0)
  }

  /** `names` in the order of their numbers, without the enum's prefix. */
  enumOf(value: unknown, prefix: string, names: readonly string[]): number {
    if (value === undefined) return 0
    const named = typeof value === 'string' && value.startsWith(prefix) ? names.indexOf(value.slice(prefix.length)) : this.number(value)
    return named === null ? 0 : this.limits.enumOf(Number.isInteger(named) ? named : -1, names.length - 1)
  }

  /** The id as lowercase hex; '' where it is absent or all zeros, and (counted) where it is not `size` bytes in hex. */
  id(value: unknown, size: 8 | 16): string {
    if (value === undefined || value === '') return ''
    if (typeof value !== 'string' || value.length !== size * 2 || !/^[0-9a-fA-F]+$/.test(value)) {
      count(this.limits.clamped, size === 16 ? 'trace_id' : 'span_id')
      return ''
    }
    return /^0+$/.test(value) ? '' : value.toLowerCase()
  }

  /** The objects of a list; anything else in it is counted and left out. */
  objects(value: unknown): readonly Json[] {
    if (value === undefined) return []
    if (!Array.isArray(value)) return this.wrong([])
    const objects: Json[] = []
    for (const element of value) {
      const object = asObject(element)
      if (object !== null) objects.push(object)
      else this.wrong(null)
    }
    return objects
  }

  /** An object; an empty one where it is absent or (counted) something else. */
  object(value: unknown): Json {
    return value === undefined ? {} : (asObject(value) ?? this.wrong({}))
  }
}
