import { readAttribute } from './protobuf-value.ts'
import { noAttributes, type Reading } from './reading.ts'
import type { AttributeList, LogRecord, SpanEventRecord, SpanRecord } from './records.ts'

const noEvents: readonly SpanEventRecord[] = Object.freeze([])

function createList(): AttributeList {
  return { slots: [], names: [], values: [] }
}

/** Reads a `Span` up to `end`. */
export function readSpan(r: Reading, end: number): SpanRecord {
  r.limits.takeRecord()
  let traceId = ''
  let spanId = ''
  let parentSpanId = ''
  let name = ''
  let kind = 0
  let startMicros = 0
  let endMicros = 0
  let statusCode = 0
  const attributes = createList()
  let events: SpanEventRecord[] | null = null
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 74: {
        const length = r.size(end)
        readAttribute(r, r.pos + length, attributes)
        break
      }
      case 10:
        traceId = r.id(end, 16)
        break
      case 18:
        spanId = r.id(end, 8)
        break
      case 34:
        parentSpanId = r.id(end, 8)
        break
      case 42:
        name = r.text(end)
        break
      case 48:
        kind = r.limits.enumOf(r.int64(), 5)
        break
      case 57:
        startMicros = r.micros()
        break
      case 65:
        endMicros = r.micros()
        break
      case 90: {
        const length = r.size(end)
        events ??= []
        events.push(readEvent(r, r.pos + length))
        break
      }
      case 122: {
        const length = r.size(end)
        statusCode = readStatus(r, r.pos + length, statusCode)
        break
      }
      default:
        r.skip(tag, end)
    }
  }
  r.finish(end)
  return { traceId, spanId, parentSpanId, name, kind, startMicros, endMicros, statusCode, attributes, events: events ?? noEvents }
}

function readStatus(r: Reading, end: number, before: number): number {
  let code = before
  while (r.pos < end) {
    const tag = r.tag()
    if (tag === 24) code = r.limits.enumOf(r.int64(), 2)
    else r.skip(tag, end)
  }
  r.finish(end)
  return code
}

function readEvent(r: Reading, end: number): SpanEventRecord {
  r.limits.takeRecord()
  let name = ''
  let attributes = noAttributes
  while (r.pos < end) {
    const tag = r.tag()
    if (tag === 18) name = r.text(end)
    else if (tag === 26) {
      if (attributes === noAttributes) attributes = createList()
      const length = r.size(end)
      readAttribute(r, r.pos + length, attributes)
    } else r.skip(tag, end)
  }
  r.finish(end)
  return { name, attributes }
}

/** Reads a `LogRecord` up to `end`. Its body is not read: an event's content is in its attributes. */
export function readLog(r: Reading, end: number): LogRecord {
  r.limits.takeRecord()
  let timeMicros = 0
  let observedMicros = 0
  let eventName = ''
  let traceId = ''
  let spanId = ''
  const attributes = createList()
  while (r.pos < end) {
    const tag = r.tag()
    switch (tag) {
      case 50: {
        const length = r.size(end)
        readAttribute(r, r.pos + length, attributes)
        break
      }
      case 9:
        timeMicros = r.micros()
        break
      case 89:
        observedMicros = r.micros()
        break
      case 98:
        eventName = r.text(end)
        break
      case 74:
        traceId = r.id(end, 16)
        break
      case 82:
        spanId = r.id(end, 8)
        break
      default:
        r.skip(tag, end)
    }
  }
  r.finish(end)
  return { timeMicros, observedMicros, eventName, traceId, spanId, attributes }
}

/** Reads a `Resource` up to `end`, adding to what an earlier part of it gave. */
export function readResource(r: Reading, end: number, into: AttributeList): void {
  while (r.pos < end) {
    const tag = r.tag()
    if (tag === 10) {
      const length = r.size(end)
      readAttribute(r, r.pos + length, into)
    } else r.skip(tag, end)
  }
  r.finish(end)
}

/** The name in an `InstrumentationScope` up to `end`. */
export function readScopeName(r: Reading, end: number, before: string): string {
  let name = before
  while (r.pos < end) {
    const tag = r.tag()
    if (tag === 10) name = r.text(end)
    else r.skip(tag, end)
  }
  r.finish(end)
  return name
}
