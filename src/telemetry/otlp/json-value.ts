import { asObject, fieldOf, type Json, type JsonFields } from './json-fields.ts'
import { labelText, numbersOf } from './protobuf-value.ts'
import type { AttributeKeys, AttributeList, AttributeValue } from './records.ts'

const base64 = /^[A-Za-z0-9+/_-]*={0,2}$/

/** The attributes of a list that somebody reads. Values of others are not looked at. */
export function readAttributes(fields: JsonFields, keys: AttributeKeys, list: unknown, into: AttributeList): void {
  for (const pair of fields.objects(list)) {
    const { key } = pair
    if (typeof key !== 'string') {
      if (key !== undefined) fields.wrong(null)
      continue
    }
    const slot = keys.slotOf(key)
    if (slot < 0) continue
    const value = readValue(fields, fieldOf(pair, 'value'), 0)
    if (value === undefined) continue
    into.slots.push(slot)
    into.names.push(slot < keys.names.length ? '' : key)
    into.values.push(value)
  }
}

/** All attributes of a metric's point, as text. */
export function readLabels(fields: JsonFields, list: unknown): [string, string][] {
  const labels: [string, string][] = []
  for (const pair of fields.objects(list)) {
    const key = fields.text(fieldOf(pair, 'key'))
    if (key !== '') labels.push([key, labelText(readValue(fields, fieldOf(pair, 'value'), 0))])
  }
  return labels
}

/** Reads an `AnyValue`; `undefined` where it holds nothing or (counted) what does not fit its kind. `depth`: 0 for an attribute's own value. */
function readValue(fields: JsonFields, value: unknown, depth: number): AttributeValue | undefined {
  if (value === undefined || value === null) return undefined
  const json = asObject(value)
  if (json === null) return fields.wrong(undefined)
  let inner = fieldOf(json, 'stringValue', 'string_value')
  if (inner !== undefined) return typeof inner === 'string' ? inner : fields.wrong(undefined)
  inner = fieldOf(json, 'intValue', 'int_value') ?? fieldOf(json, 'doubleValue', 'double_value')
  if (inner !== undefined) return fields.number(inner) ?? undefined
  inner = fieldOf(json, 'boolValue', 'bool_value')
  if (inner !== undefined) return readFlag(fields, inner)
  inner = fieldOf(json, 'arrayValue', 'array_value')
  if (inner !== undefined) return readList(fields, fields.object(inner), depth + 1)
  inner = fieldOf(json, 'kvlistValue', 'kvlist_value')
  if (inner !== undefined) return readMapping(fields, fields.object(inner), depth + 1)
  inner = fieldOf(json, 'bytesValue', 'bytes_value')
  if (inner !== undefined) return readBytes(fields, inner)
  return undefined
}

function readFlag(fields: JsonFields, value: unknown): boolean | undefined {
  return typeof value === 'boolean' || value === 'true' || value === 'false' ? fields.flag(value) : fields.wrong(undefined)
}

function readBytes(fields: JsonFields, value: unknown): Uint8Array | undefined {
  if (typeof value !== 'string' || !base64.test(value)) return fields.wrong(undefined)
  return new Uint8Array(Buffer.from(value, 'base64'))
}

/** The list under `values`, or nothing where there is none. */
function valuesOf(fields: JsonFields, json: Json): readonly unknown[] {
  const values = fieldOf(json, 'values')
  if (values === undefined) return []
  return Array.isArray(values) ? values : fields.wrong([])
}

function readList(fields: JsonFields, json: Json, depth: number): AttributeValue[] | Float64Array {
  fields.limits.checkDepth(depth)
  // An element that holds nothing keeps its place.
  return numbersOf(valuesOf(fields, json).map((element) => readValue(fields, element, depth) ?? ''))
}

function readMapping(fields: JsonFields, json: Json, depth: number): { [key: string]: AttributeValue } {
  fields.limits.checkDepth(depth)
  const mapping: { [key: string]: AttributeValue } = Object.create(null)
  for (const pair of fields.objects(valuesOf(fields, json))) {
    const value = readValue(fields, fieldOf(pair, 'value'), depth)
    if (value !== undefined) mapping[fields.text(fieldOf(pair, 'key'))] = value
  }
  return mapping
}
