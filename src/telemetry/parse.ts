import type { Parser } from './dialects/rule.ts'
import { count, type Tally } from './tally.ts'

/**
 * Reads a value of an attribute (or of a path inside JSON) as a parser says. `undefined`: there is no value, the next source may have one.
 * What is there but does not fit is counted: `attribute_type`, `number_not_finite`, `number_range`.
 */
export function parseValue(parse: Parser, value: unknown, clamped: Tally): unknown {
  if (value === null || value === undefined || value === '' || value === 'None') return undefined
  switch (parse) {
    case 'text':
      return typeof value === 'string' ? value : scalarText(value, clamped)
    case 'jsonText':
      return scalarText(unquote(value), clamped)
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) ? value : toNumber(value, clamped)
    case 'count': {
      const number = typeof value === 'number' && Number.isFinite(value) ? value : toNumber(value, clamped)
      if (number === undefined || number >= 0) return number
      count(clamped, 'number_range')
      return undefined
    }
    case 'flag':
      return toFlag(value, clamped)
    case 'first':
      return firstOf(value, clamped)
    case 'size':
      return sizeOf(value, clamped)
    case 'raw':
      return value
  }
}

function scalarText(value: unknown, clamped: Tally): string | undefined {
  if (typeof value === 'string') return value === '' || value === 'None' ? undefined : value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value !== null && value !== undefined) count(clamped, 'attribute_type')
  return undefined
}

function toNumber(value: unknown, clamped: Tally): number | undefined {
  const plain = unquote(value)
  const number = typeof plain === 'number' ? plain : typeof plain === 'string' && plain.trim() !== '' ? Number(plain) : Number.NaN
  if (Number.isFinite(number)) return number
  const known = typeof plain === 'number' || (typeof plain === 'string' && /^[+-]?(nan|inf(inity)?)$/i.test(plain.trim()))
  if (plain !== null && plain !== undefined && plain !== 'null' && plain !== '')
    count(clamped, known ? 'number_not_finite' : 'attribute_type')
  return undefined
}

function toFlag(value: unknown, clamped: Tally): boolean | undefined {
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return value !== 0
  if (typeof value === 'string') {
    const text = value.toLowerCase()
    if (text === 'true') return true
    if (text === 'false') return false
    if (/^\d+$/.test(text)) return Number(text) !== 0
    if (text === 'null') return undefined
  }
  count(clamped, 'attribute_type')
  return undefined
}

function firstOf(value: unknown, clamped: Tally): string | undefined {
  if (Array.isArray(value)) return value.length === 0 ? undefined : scalarText(value[0], clamped)
  if (typeof value !== 'string' || !value.startsWith('[')) return scalarText(value, clamped)
  const list = parseJson(value) ?? parseJson(value.replaceAll("'", '"'))
  if (Array.isArray(list)) return list.length === 0 ? undefined : scalarText(list[0], clamped)
  count(clamped, 'attribute_type')
  return undefined
}

function sizeOf(value: unknown, clamped: Tally): number | undefined {
  const mapping = typeof value === 'string' && value.startsWith('{') ? (parseJson(value) ?? pythonDictSize(value)) : value
  if (typeof mapping === 'number') return mapping
  if (typeof mapping === 'object' && mapping !== null && !ArrayBuffer.isView(mapping)) return Object.keys(mapping).length
  if (value !== 'null') count(clamped, 'attribute_type')
  return undefined
}

/** Entries of a flat dict as Python prints it: `{'1734': 100, 9: -5}`. */
function pythonDictSize(text: string): number {
  return text.match(/(?:'[^']*'|"[^"]*"|[\w.+-]+)\s*:/g)?.length ?? 0
}

/** JSON, or `undefined` where the text is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Takes one layer of JSON from text that is a JSON string (`"alice"`); anything else is returned as it is. */
export function unquote(value: unknown): unknown {
  if (typeof value !== 'string' || value.length < 2 || value.charCodeAt(0) !== 34) return value
  const inner = parseJson(value)
  return typeof inner === 'string' ? inner : value
}

/** What stands under a path of a JSON value; numbers index lists. */
export function atPath(value: unknown, path: readonly string[]): unknown {
  let current = value
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined
    current = (current as Record<string, unknown>)[key]
  }
  return current
}
