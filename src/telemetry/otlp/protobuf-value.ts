import { sampleHash } from './byte-table.ts'
import type { Attribute } from './pairs.ts'
import type { Reading } from './reading.ts'
import type { AttributeList, AttributeValue } from './records.ts'
import { utf8 } from './texts.ts'

/** Tags of `AnyValue`. */
const stringValue = 10
const boolValue = 16
const intValue = 24
const doubleValue = 33
const arrayValue = 42
const kvlistValue = 50
const bytesValue = 58

/** Bytes of a double in a list: tag and length of the element, tag and value of the double. */
const listedDouble = 11

/** Where the parts of a `KeyValue` stand. They come in any order. */
export interface Pair {
  keyStart: number
  keyLength: number
  /** -1 where there is no value. */
  valueStart: number
  valueEnd: number
}

/** One for the top level, which is read to its end before the next begins; deeper levels make their own. */
const topPair: Pair = { keyStart: 0, keyLength: 0, valueStart: -1, valueEnd: 0 }
const topAttribute: Attribute = { slot: -1, name: '', value: '' }

/** Reads an attribute up to `end` and appends it where somebody reads its name. Otherwise its value is not looked at. */
export function readAttribute(r: Reading, end: number, into: AttributeList): void {
  const { pairs, view } = r
  const start = r.pos
  const length = end - start
  const hash = sampleHash(view, start, length)
  const entry = pairs.find(hash, view, start, length)
  if (entry >= 0) {
    r.pos = end
    pairs.append(entry, into)
    return
  }
  const attribute = topAttribute
  findAttribute(r, end, attribute)
  r.pos = end
  pairs.remember(hash, view, start, length, attribute)
  if (attribute.slot < 0) return
  into.slots.push(attribute.slot)
  into.names.push(attribute.name)
  into.values.push(attribute.value)
}

function findAttribute(r: Reading, end: number, into: Attribute): void {
  const pair = topPair
  into.slot = -1
  into.name = ''
  into.value = ''
  const merged = isPlainPair(r, end, pair) ? null : readPair(r, end, pair)
  if (pair.valueStart < 0) return
  const { keyStart, keyLength, valueStart, valueEnd } = pair
  const slot = r.keys.slotOf(r.view, keyStart, keyLength)
  if (slot < 0) return
  const value = merged !== null ? readMerged(r, merged, 0) : readTopValue(r, valueStart, valueEnd)
  if (value === undefined) return
  into.slot = slot
  into.value = value
  if (r.keys.isFamily(slot)) into.name = r.textAt(keyStart, keyLength)
}

/**
 * Whether the pair up to `end` is a key and a value of less than 128 bytes each, in either order, which nearly all are; then finds them.
 * Only for speed: `readPair` finds the same.
 */
function isPlainPair(r: Reading, end: number, pair: Pair): boolean {
  const { bytes, pos } = r
  if (end - pos < 4) return false
  const tag = bytes[pos]!
  const firstLength = bytes[pos + 1]!
  const second = pos + 2 + firstLength
  if (firstLength >= 128 || second + 2 > end) return false
  const secondLength = bytes[second + 1]!
  if (secondLength >= 128 || second + 2 + secondLength !== end) return false
  if (tag === 10 && bytes[second] === 18) {
    pair.keyStart = pos + 2
    pair.keyLength = firstLength
    pair.valueStart = second + 2
    pair.valueEnd = end
    return true
  }
  if (tag === 18 && bytes[second] === 10) {
    pair.valueStart = pos + 2
    pair.valueEnd = second
    pair.keyStart = second + 2
    pair.keyLength = secondLength
    return true
  }
  return false
}

/** The value of an attribute from a range that was passed already. The frequent forms first, only for speed. */
function readTopValue(r: Reading, start: number, end: number): AttributeValue | undefined {
  const { bytes } = r
  const length = end - start
  if (length >= 2) {
    const tag = bytes[start]!
    if (tag === stringValue && bytes[start + 1] === length - 2 && length < 130) return utf8(bytes, start + 2, end)
    if (tag === doubleValue && length === 9) return r.view.getFloat64(start + 1, true)
    if (tag === intValue && length === 2 && bytes[start + 1]! < 128) return bytes[start + 1]!
    if (tag === intValue && length === 3 && bytes[start + 1]! >= 128 && bytes[start + 2]! < 128)
      return (bytes[start + 1]! & 127) | (bytes[start + 2]! << 7)
  }
  return readRange(r, start, end, 0)
}

/** Reads an attribute of a metric's point up to `end`: all of them name its series. One without a key is none. */
export function readLabel(r: Reading, end: number, into: [string, string][]): void {
  const pair = { ...topPair }
  const merged = readPair(r, end, pair)
  if (pair.keyLength === 0) return
  const key = r.textAt(pair.keyStart, pair.keyLength)
  let value: AttributeValue | undefined
  if (merged !== null) value = readMerged(r, merged, 0)
  else if (pair.valueStart >= 0) value = readRange(r, pair.valueStart, pair.valueEnd, 0)
  into.push([key, labelText(value)])
}

/** The text of a label: numbers as JavaScript writes them, bytes in base64, lists and mappings as JSON, nothing as ''. */
export function labelText(value: AttributeValue | undefined): string {
  if (typeof value === 'string') return value
  if (value === undefined) return ''
  if (typeof value !== 'object') return String(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return JSON.stringify(value, (_, inner: unknown) =>
    inner instanceof Float64Array ? [...inner] : inner instanceof Uint8Array ? Buffer.from(inner).toString('base64') : inner,
  )
}

/** Finds key and value. Gives all the value's ranges (start, end, start, ...) in the odd case that there are several, which then are one value. */
function readPair(r: Reading, end: number, pair: Pair): number[] | null {
  let merged: number[] | null = null
  pair.keyLength = 0
  pair.valueStart = -1
  while (r.pos < end) {
    const tag = r.tag()
    if (tag === 10) {
      pair.keyLength = r.size(end)
      pair.keyStart = r.pos
      r.pos += pair.keyLength
    } else if (tag === 18) {
      const length = r.size(end)
      if (pair.valueStart >= 0) {
        merged ??= [pair.valueStart, pair.valueEnd]
        merged.push(r.pos, r.pos + length)
      }
      pair.valueStart = r.pos
      r.pos += length
      pair.valueEnd = r.pos
    } else r.skip(tag, end)
  }
  r.finish(end)
  return merged
}

/** Reads a value from elsewhere and comes back. */
function readRange(r: Reading, start: number, end: number, depth: number): AttributeValue | undefined {
  const back = r.pos
  r.pos = start
  const value = readValue(r, end, depth)
  r.pos = back
  return value
}

/** A message that was written in parts is the message whose bytes are those parts in a row. */
function readMerged(r: Reading, ranges: readonly number[], depth: number): AttributeValue | undefined {
  const { bytes, pos } = r
  const parts: Buffer[] = []
  for (let i = 0; i < ranges.length; i += 2) parts.push(bytes.subarray(ranges[i], ranges[i + 1]))
  r.load(Buffer.concat(parts))
  const value = readValue(r, r.bytes.length, depth)
  r.load(bytes)
  r.pos = pos
  return value
}

/** Reads an `AnyValue` up to `end`; `undefined` where it holds nothing. */
function readValue(r: Reading, end: number, depth: number): AttributeValue | undefined {
  let value: AttributeValue | undefined
  /** A list or a mapping that stands in several fields in a row is one. */
  let open = 0
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case stringValue:
        value = r.text(end)
        break
      case boolValue:
        value = r.bool()
        break
      case intValue:
        value = r.int64()
        break
      case doubleValue:
        value = r.double()
        break
      case arrayValue:
        value = readList(r, r.size(end), depth + 1, open === tag ? (value as AttributeValue[] | Float64Array) : null)
        break
      case kvlistValue:
        value = readMapping(r, r.size(end), depth + 1, open === tag ? (value as { [key: string]: AttributeValue }) : null)
        break
      case bytesValue:
        value = readBytes(r, end)
        break
      default:
        r.skip(tag, end)
        continue
    }
    open = tag
  }
  r.finish(end)
  return value
}

/** A copy: a view would keep the whole record in memory. */
function readBytes(r: Reading, end: number): Uint8Array {
  const length = r.size(end)
  const copy = new Uint8Array(length)
  for (let i = 0; i < length; i++) copy[i] = r.bytes[r.pos + i]!
  r.pos += length
  return copy
}

function readList(
  r: Reading,
  length: number,
  depth: number,
  before: AttributeValue[] | Float64Array | null,
): AttributeValue[] | Float64Array {
  r.limits.checkDepth(depth)
  const end = r.pos + length
  if (before === null && isListOfDoubles(r, length)) return readDoubles(r, end)
  const values: AttributeValue[] = before === null ? [] : Array.from(before as ArrayLike<AttributeValue>)
  while (r.pos < end) {
    const tag = r.tag()
    if (tag === 10) {
      // An element that holds nothing keeps its place.
      const elementEnd = r.size(end) + r.pos
      values.push(readValue(r, elementEnd, depth) ?? '')
    } else r.skip(tag, end)
  }
  r.finish(end)
  return numbersOf(values)
}

/** Numbers as a Float64Array where there is nothing else. */
export function numbersOf(values: AttributeValue[]): AttributeValue[] | Float64Array {
  if (values.length === 0) return values
  for (let i = 0; i < values.length; i++) if (typeof values[i] !== 'number') return values
  return Float64Array.from(values as number[])
}

/** Whether the list at `pos` is written as vectors are: nothing but doubles. */
function isListOfDoubles(r: Reading, length: number): boolean {
  if (length === 0 || length % listedDouble !== 0) return false
  const { bytes } = r
  for (let at = r.pos, end = r.pos + length; at < end; at += listedDouble)
    if (bytes[at] !== 10 || bytes[at + 1] !== 9 || bytes[at + 2] !== doubleValue) return false
  return true
}

function readDoubles(r: Reading, end: number): Float64Array {
  const numbers = new Float64Array((end - r.pos) / listedDouble)
  for (let i = 0, at = r.pos + 3; i < numbers.length; i++, at += listedDouble) numbers[i] = r.view.getFloat64(at, true)
  r.pos = end
  return numbers
}

function readMapping(
  r: Reading,
  length: number,
  depth: number,
  before: { [key: string]: AttributeValue } | null,
): { [key: string]: AttributeValue } {
  r.limits.checkDepth(depth)
  const end = r.pos + length
  // Without a prototype, so that no key is special.
  const mapping: { [key: string]: AttributeValue } = before ?? Object.create(null)
  const pair = { ...topPair }
  while (r.pos < end) {
    const tag = r.tag()
    if (tag !== 10) {
      r.skip(tag, end)
      continue
    }
    const pairEnd = r.size(end) + r.pos
    const merged = readPair(r, pairEnd, pair)
    const key = r.textAt(pair.keyStart, pair.keyLength)
    let value: AttributeValue | undefined
    if (merged !== null) value = readMerged(r, merged, depth)
    else if (pair.valueStart >= 0) value = readRange(r, pair.valueStart, pair.valueEnd, depth)
    if (value !== undefined) mapping[key] = value
  }
  r.finish(end)
  return mapping
}
