import type { Plain } from './messages.ts'

/** How OTLP/JSON is written: producers differ. */
export interface JsonStyle {
  /** Names as in the protobuf definition. */
  readonly snakeCase: boolean
  /** 64-bit integers that fit as JSON numbers instead of text. */
  readonly plainIntegers: boolean
  readonly enumNames: boolean
}

const ids = new Set(['traceId', 'spanId', 'parentSpanId'])
const enums: Readonly<Record<string, readonly string[]>> = {
  kind: ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map((name) => `SPAN_KIND_${name}`),
  code: ['UNSET', 'OK', 'ERROR'].map((name) => `STATUS_CODE_${name}`),
  aggregationTemporality: ['UNSPECIFIED', 'DELTA', 'CUMULATIVE'].map((name) => `AGGREGATION_TEMPORALITY_${name}`),
}
const integers = /UnixNano$|^(intValue|asInt|count|zeroCount)$/

/** A request in plain form (as `messages.ts` makes them) as OTLP/JSON text. */
export function toOtlpJson(request: Plain, style: JsonStyle): string {
  return JSON.stringify(convert(request, style))
}

function convert(value: unknown, style: JsonStyle): unknown {
  if (Array.isArray(value)) return value.map((element) => convert(element, style))
  if (typeof value === 'number')
    return Object.is(value, -0) || !Number.isFinite(value) ? (Object.is(value, -0) ? '-0' : String(value)) : value
  if (typeof value !== 'object' || value === null) return value
  const json: Plain = {}
  for (const [name, inner] of Object.entries(value)) json[style.snakeCase ? snake(name) : name] = convertField(name, inner, style)
  return json
}

function convertField(name: string, value: unknown, style: JsonStyle): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString(ids.has(name) ? 'hex' : 'base64')
  if (integers.test(name) && style.plainIntegers && Number.isSafeInteger(Number(value))) return Number(value)
  if (style.enumNames && Object.hasOwn(enums, name)) return enums[name]![value as number] ?? value
  return convert(value, style)
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
