import type {
  AttributeKeys,
  AttributeList,
  AttributeValue,
  OtlpRequest,
  ScopeRecords,
  SpanRecord,
} from '../../src/telemetry/otlp/records.ts'

/** What protobufjs decodes to, as far as it is used. A message's `value` names the one of its fields that is set. */
interface AnyValue {
  readonly value?: string
  readonly stringValue?: string
  readonly boolValue?: boolean
  readonly intValue?: number
  readonly doubleValue?: number
  readonly bytesValue?: Uint8Array
  readonly arrayValue?: { readonly values: readonly AnyValue[] }
  readonly kvlistValue?: { readonly values: readonly KeyValue[] }
}
interface KeyValue {
  readonly key: string
  readonly value?: AnyValue
}
interface Span {
  readonly traceId: Uint8Array
  readonly spanId: Uint8Array
  readonly parentSpanId: Uint8Array
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: number
  readonly endTimeUnixNano: number
  readonly attributes: readonly KeyValue[]
  readonly events: readonly { readonly name: string; readonly attributes: readonly KeyValue[] }[]
  readonly status?: { readonly code: number }
}
export interface Decoded {
  readonly resourceSpans: readonly {
    readonly resource?: { readonly attributes: readonly KeyValue[] }
    readonly scopeSpans: readonly { readonly scope?: { readonly name: string }; readonly spans: readonly Span[] }[]
  }[]
}

/** Brings what protobufjs decoded into the shape that the mapping takes, doing no more than that. */
export function adapt(decoded: Decoded, keys: AttributeKeys): OtlpRequest {
  const scopes: ScopeRecords[] = []
  for (const { resource, scopeSpans } of decoded.resourceSpans) {
    const list = listOf(resource?.attributes ?? [], keys)
    for (const { scope, spans } of scopeSpans)
      scopes.push({ resource: list, scopeName: scope?.name ?? '', spans: spans.map((span) => spanOf(span, keys)), logs: [], points: [] })
  }
  return { signal: 'traces', scopes, clamped: {} }
}

function spanOf(span: Span, keys: AttributeKeys): SpanRecord {
  return {
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentSpanId: hex(span.parentSpanId),
    name: span.name,
    kind: span.kind,
    startMicros: Math.floor(span.startTimeUnixNano / 1000),
    endMicros: Math.floor(span.endTimeUnixNano / 1000),
    statusCode: span.status?.code ?? 0,
    attributes: listOf(span.attributes, keys),
    events: span.events.map((event) => ({ name: event.name, attributes: listOf(event.attributes, keys) })),
  }
}

/** protobufjs gives views of a Buffer, and a plain empty list where the field is absent. */
function hex(bytes: Uint8Array): string {
  return bytes.length === 0 ? '' : (bytes as Buffer).toString('hex')
}

function listOf(pairs: readonly KeyValue[], keys: AttributeKeys): AttributeList {
  const list: AttributeList = { slots: [], names: [], values: [] }
  for (const { key, value } of pairs) {
    const slot = keys.slotOf(key)
    if (slot < 0 || value === undefined || value === null) continue
    const plain = plainValue(value)
    if (plain === undefined) continue
    list.slots.push(slot)
    list.names.push(slot < keys.names.length ? '' : key)
    list.values.push(plain)
  }
  return list
}

function plainValue(any: AnyValue): AttributeValue | undefined {
  switch (any.value) {
    case 'arrayValue': {
      const values = any.arrayValue!.values.map((element) => plainValue(element) ?? '')
      return values.length > 0 && values.every((element) => typeof element === 'number') ? Float64Array.from(values as number[]) : values
    }
    case 'kvlistValue':
      return Object.fromEntries(
        any.kvlistValue!.values.flatMap(({ key, value }) => (value === undefined ? [] : [[key, plainValue(value) ?? '']])),
      )
    default:
      return any[any.value as 'stringValue']
  }
}
