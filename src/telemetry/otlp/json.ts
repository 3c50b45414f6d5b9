import { asObject, fieldOf, type Json, JsonFields } from './json-fields.ts'
import { readMetric } from './json-metric.ts'
import { readAttributes } from './json-value.ts'
import { type Limits, noAttributes } from './reading.ts'
import type {
  AttributeKeys,
  AttributeList,
  LogRecord,
  MetricPointRecord,
  OtlpRequest,
  ScopeRecords,
  Signal,
  SpanEventRecord,
  SpanRecord,
} from './records.ts'
import { malformed } from './wire.ts'

const spanKinds = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER']
const statusCodes = ['UNSET', 'OK', 'ERROR']

/** Names of the lists on the way to the records of a signal, in JSON and in the protobuf definition. */
const signals = [
  { signal: 'traces', resources: ['resourceSpans', 'resource_spans'], scopes: ['scopeSpans', 'scope_spans'] },
  { signal: 'metrics', resources: ['resourceMetrics', 'resource_metrics'], scopes: ['scopeMetrics', 'scope_metrics'] },
  { signal: 'logs', resources: ['resourceLogs', 'resource_logs'], scopes: ['scopeLogs', 'scope_logs'] },
] as const

/**
 * Reads an export request from OTLP/JSON (the protobuf JSON mapping with ids in hex and enums as numbers). The content says of which signal
 * it is, whatever `expected` says; a request that holds several has the records of all of them and the first one's signal, and an
 * empty one the expected signal, or `traces`.
 *
 * Beyond what the protobuf form counts, `json_type`: a field or an element of a wrong type, which is left out.
 * Throws TW_TELEMETRY_MALFORMED where there is no JSON or no such request in it.
 */
export function readJson(limits: Limits, keys: AttributeKeys, text: string, expected: Signal | null): OtlpRequest {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    // Without the cause: its message quotes the text, and content must not get into logs.
    throw malformed(`the text is not JSON (${text.length} characters)`)
  }
  const json = asObject(parsed)
  if (json === null) throw malformed('the JSON is not an object')
  const reader = new JsonReader(limits, keys)
  let found: Signal | null = null
  for (const { signal, resources, scopes } of signals) {
    const list = fieldOf(json, resources[0], resources[1])
    if (list === undefined) continue
    found ??= signal
    if (!Array.isArray(list)) throw malformed(`${resources[0]} is not a list`)
    for (const element of list) reader.readResource(element, signal, scopes)
  }
  if (found === null && Object.keys(json).length > 0) throw malformed('the JSON has none of resourceSpans, resourceMetrics, resourceLogs')
  return { signal: found ?? expected ?? 'traces', scopes: reader.scopes, clamped: limits.clamped }
}

class JsonReader {
  readonly scopes: ScopeRecords[] = []
  readonly #fields: JsonFields
  readonly #keys: AttributeKeys

  constructor(limits: Limits, keys: AttributeKeys) {
    this.#fields = new JsonFields(limits)
    this.#keys = keys
  }

  readResource(element: unknown, signal: Signal, names: readonly [string, string]): void {
    const json = asObject(element)
    if (json === null) throw malformed('an element of the request is not an object')
    const resource = this.#attributes(this.#fields.object(fieldOf(json, 'resource')))
    const list = fieldOf(json, names[0], names[1])
    if (list === undefined) return
    if (!Array.isArray(list)) throw malformed(`${names[0]} is not a list`)
    for (const scope of this.#fields.objects(list)) this.scopes.push(this.#scope(scope, signal, resource))
  }

  #scope(json: Json, signal: Signal, resource: AttributeList): ScopeRecords {
    const fields = this.#fields
    fields.limits.takeRecord()
    const scopeName = fields.text(fieldOf(fields.object(fieldOf(json, 'scope')), 'name'))
    const spans: SpanRecord[] = []
    const logs: LogRecord[] = []
    const points: MetricPointRecord[] = []
    if (signal === 'traces') for (const span of fields.objects(fieldOf(json, 'spans'))) spans.push(this.#span(span))
    else if (signal === 'logs') for (const log of fields.objects(fieldOf(json, 'logRecords', 'log_records'))) logs.push(this.#log(log))
    else for (const metric of fields.objects(fieldOf(json, 'metrics'))) readMetric(fields, metric, points)
    return { resource, scopeName, spans, logs, points }
  }

  #span(json: Json): SpanRecord {
    const fields = this.#fields
    fields.limits.takeRecord()
    const status = fields.object(fieldOf(json, 'status'))
    return {
      traceId: fields.id(fieldOf(json, 'traceId', 'trace_id'), 16),
      spanId: fields.id(fieldOf(json, 'spanId', 'span_id'), 8),
      parentSpanId: fields.id(fieldOf(json, 'parentSpanId', 'parent_span_id'), 8),
      name: fields.text(fieldOf(json, 'name')),
      kind: fields.enumOf(fieldOf(json, 'kind'), 'SPAN_KIND_', spanKinds),
      startMicros: fields.micros(fieldOf(json, 'startTimeUnixNano', 'start_time_unix_nano')),
      endMicros: fields.micros(fieldOf(json, 'endTimeUnixNano', 'end_time_unix_nano')),
      statusCode: fields.enumOf(fieldOf(status, 'code'), 'STATUS_CODE_', statusCodes),
      attributes: this.#attributes(json),
      events: fields.objects(fieldOf(json, 'events')).map((event) => this.#event(event)),
    }
  }

  #event(json: Json): SpanEventRecord {
    this.#fields.limits.takeRecord()
    return { name: this.#fields.text(fieldOf(json, 'name')), attributes: this.#attributes(json) }
  }

  #log(json: Json): LogRecord {
    const fields = this.#fields
    fields.limits.takeRecord()
    return {
      timeMicros: fields.micros(fieldOf(json, 'timeUnixNano', 'time_unix_nano')),
      observedMicros: fields.micros(fieldOf(json, 'observedTimeUnixNano', 'observed_time_unix_nano')),
      eventName: fields.text(fieldOf(json, 'eventName', 'event_name')),
      traceId: fields.id(fieldOf(json, 'traceId', 'trace_id'), 16),
      spanId: fields.id(fieldOf(json, 'spanId', 'span_id'), 8),
      attributes: this.#attributes(json),
    }
  }

  #attributes(json: Json): AttributeList {
    const list = fieldOf(json, 'attributes')
    if (list === undefined) return noAttributes
    const attributes: AttributeList = { slots: [], names: [], values: [] }
    readAttributes(this.#fields, this.#keys, list, attributes)
    return attributes
  }
}
