import type {
  AttributeKeys,
  AttributeList,
  AttributeValue,
  LogRecord,
  MetricPointRecord,
  OtlpRequest,
  ScopeRecords,
  Signal,
  SpanRecord,
} from '../../../src/telemetry/otlp/records.ts'
import type { Plain } from './messages.ts'

/** What the decoders have to give for a request that protobufjs has decoded, by the rules of `records.ts`, with the arithmetic of BigInt. */
export function expected(signal: Signal, request: Plain, keys: AttributeKeys): OtlpRequest {
  const clamped: Record<string, number> = {}
  const tally = (reason: string): void => {
    clamped[reason] = (clamped[reason] ?? 0) + 1
  }
  const reader = new Oracle(keys, tally)
  const [resources, inside] = {
    traces: ['resourceSpans', 'scopeSpans'] as const,
    logs: ['resourceLogs', 'scopeLogs'] as const,
    metrics: ['resourceMetrics', 'scopeMetrics'] as const,
  }[signal]
  const scopes = list(request[resources]).flatMap((resource) => {
    const attributes = reader.attributes(resource.resource)
    return list(resource[inside]).map(
      (scope): ScopeRecords => ({
        resource: attributes,
        scopeName: ((scope.scope as Plain | null)?.name as string | undefined) ?? '',
        spans: list(scope.spans).map((span) => reader.span(span)),
        logs: list(scope.logRecords).map((log) => reader.log(log)),
        points: list(scope.metrics).flatMap((metric) => reader.points(metric)),
      }),
    )
  })
  return { signal, scopes, clamped }
}

function list(value: unknown): Plain[] {
  return (value ?? []) as Plain[]
}

function micros(nanos: unknown): number {
  return Number(BigInt(nanos as string) / 1000n)
}

class Oracle {
  readonly #keys: AttributeKeys
  readonly #tally: (reason: string) => void

  constructor(keys: AttributeKeys, tally: (reason: string) => void) {
    this.#keys = keys
    this.#tally = tally
  }

  attributes(holder: unknown): AttributeList {
    const result: AttributeList = { slots: [], names: [], values: [] }
    for (const { key, value } of list((holder as Plain | null)?.attributes)) {
      const slot = this.#keys.slotOf(key as string)
      const plain = slot < 0 ? undefined : plainValue(value)
      if (plain === undefined) continue
      result.slots.push(slot)
      result.names.push(slot < this.#keys.names.length ? '' : (key as string))
      result.values.push(plain)
    }
    return result
  }

  span(span: Plain): SpanRecord {
    return {
      traceId: this.#id(span.traceId, 16, 'trace_id'),
      spanId: this.#id(span.spanId, 8, 'span_id'),
      parentSpanId: this.#id(span.parentSpanId, 8, 'span_id'),
      name: span.name as string,
      kind: this.#enum(span.kind, 5),
      startMicros: micros(span.startTimeUnixNano),
      endMicros: micros(span.endTimeUnixNano),
      statusCode: this.#enum((span.status as Plain | null)?.code ?? 0, 2),
      attributes: this.attributes(span),
      events: list(span.events).map((event) => ({ name: event.name as string, attributes: this.attributes(event) })),
    }
  }

  log(log: Plain): LogRecord {
    return {
      timeMicros: micros(log.timeUnixNano),
      observedMicros: micros(log.observedTimeUnixNano),
      eventName: log.eventName as string,
      traceId: this.#id(log.traceId, 16, 'trace_id'),
      spanId: this.#id(log.spanId, 8, 'span_id'),
      attributes: this.attributes(log),
    }
  }

  points(metric: Plain): MetricPointRecord[] {
    const kind = metric.data as string | undefined
    if (kind === undefined) return []
    const data = metric[kind] as Plain
    const distribution = kind !== 'gauge' && kind !== 'sum'
    const temporality = kind === 'gauge' ? 0 : kind === 'summary' ? 2 : this.#enum(data.aggregationTemporality, 2)
    return list(data.dataPoints).flatMap((point): MetricPointRecord[] => {
      if ((point.flags as number) % 2 === 1) return []
      const value = distribution ? (point.sum as number | undefined) : numberOf(point)
      if (value === undefined || value === null) this.#tally(distribution ? 'histogram_without_sum' : 'point_without_value')
      if (!distribution && value === undefined) return []
      return [
        {
          metric: metric.name as string,
          unit: metric.unit as string,
          kind: distribution ? 'histogram' : (kind as 'gauge' | 'sum'),
          monotonic: distribution || data.isMonotonic === true,
          temporality,
          startMicros: micros(point.startTimeUnixNano),
          timeMicros: micros(point.timeUnixNano),
          value: value ?? 0,
          count: distribution ? Number(BigInt(point.count as string)) : null,
          labels: list(point.attributes)
            .filter(({ key }) => key !== '')
            .map(({ key, value }) => [key as string, labelOf(value)] as const),
        },
      ]
    })
  }

  #id(value: unknown, size: number, reason: string): string {
    const bytes = Buffer.from(value as Uint8Array)
    if (bytes.length !== 0 && bytes.length !== size) this.#tally(reason)
    return bytes.length !== size || bytes.every((byte) => byte === 0) ? '' : bytes.toString('hex')
  }

  #enum(value: unknown, last: number): number {
    if ((value as number) <= last) return value as number
    this.#tally('enum')
    return 0
  }
}

function numberOf(point: Plain): number | undefined {
  if (point.value === 'asDouble') return point.asDouble as number
  return point.value === 'asInt' ? Number(BigInt(point.asInt as string)) : undefined
}

function plainValue(any: unknown): AttributeValue | undefined {
  const message = any as Plain | null
  switch (message?.value) {
    case 'intValue':
      return Number(BigInt(message.intValue as string))
    case 'bytesValue':
      return new Uint8Array(message.bytesValue as Uint8Array)
    case 'arrayValue': {
      const values = list((message.arrayValue as Plain).values).map((element) => plainValue(element) ?? '')
      return values.length > 0 && values.every((element) => typeof element === 'number') ? Float64Array.from(values) : values
    }
    case 'kvlistValue': {
      const mapping = Object.create(null) as { [key: string]: AttributeValue }
      for (const { key, value } of list((message.kvlistValue as Plain).values)) {
        const inner = plainValue(value)
        if (inner !== undefined) mapping[key as string] = inner
      }
      return mapping
    }
    case undefined:
      return undefined
    default:
      return message![message!.value as string] as AttributeValue
  }
}

function labelOf(any: unknown): string {
  const value = plainValue(any)
  if (value === undefined) return ''
  if (typeof value !== 'object') return String(value)
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : JSON.stringify(asJson(value))
}

function asJson(value: AttributeValue): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Float64Array) return [...value]
  if (Array.isArray(value)) return value.map(asJson)
  if (typeof value !== 'object') return value
  const mapping = Object.create(null) as Record<string, unknown>
  for (const [key, inner] of Object.entries(value)) mapping[key] = asJson(inner)
  return mapping
}
