import type { Signal } from '../../telemetry/otlp/records.ts'
import { Wire } from '../../telemetry/otlp/wire.ts'

export type Encoding = 'protobuf' | 'json'

/** Export request, resource, scope: the same three levels with the same field numbers for all signals. */
const PATH = [1, 2, 2].map((field) => (field << 3) | 2)

const LISTS: Readonly<Record<Signal, readonly string[]>> = {
  traces: ['resourceSpans', 'resource_spans'],
  metrics: ['resourceMetrics', 'resource_metrics'],
  logs: ['resourceLogs', 'resource_logs'],
}

const wire = new Wire()
const NOTHING = Buffer.alloc(0)

/**
 * Looks at a request without decoding it: enough to tell the sender at once of bytes that were cut or are something else. What is wrong
 * inside of a span, point or log record is found by the decoder, and goes to the dead letters from there.
 * @returns what is wrong, or null.
 */
export function findFault(bytes: Buffer, signal: Signal, encoding: Encoding): string | null {
  return encoding === 'json' ? findJsonFault(bytes, signal) : findProtobufFault(bytes)
}

function findProtobufFault(bytes: Buffer): string | null {
  wire.load(bytes)
  try {
    walk(bytes.length, 0)
    return null
  } catch (error) {
    return (error as Error).message
  } finally {
    wire.load(NOTHING)
  }
}

function walk(end: number, level: number): void {
  while (wire.pos < end) {
    const tag = wire.tag()
    if (tag === PATH[level]) {
      const size = wire.size(end)
      if (level < PATH.length - 1) walk(wire.pos + size, level + 1)
      else wire.pos += size
    } else wire.skip(tag, end)
  }
  wire.finish(end)
}

function findJsonFault(bytes: Buffer, signal: Signal): string | null {
  let json: unknown
  try {
    json = JSON.parse(bytes.toString())
  } catch {
    // The parser's own message quotes the text, and content must not get into logs.
    return `the body is not JSON (${bytes.length} bytes)`
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return 'the JSON is not an object'
  const list = LISTS[signal].find((name) => Object.hasOwn(json, name))
  if (list === undefined) return Object.keys(json).length === 0 ? null : `the JSON has no ${LISTS[signal][0]}`
  return Array.isArray((json as Record<string, unknown>)[list]) ? null : `${list} is not a list`
}
