import { configSchema } from '../../src/config/schema.ts'
import type { CallEvent, Event, ToolCallEvent } from '../../src/telemetry/events.ts'
import { inTheClear, type Pseudonym } from '../../src/telemetry/hasher.ts'
import type { JoinWindow } from '../../src/telemetry/join.ts'
import { createMapper, type Mapped, type Mapper, type RecordOrigin } from '../../src/telemetry/map.ts'
import type {
  AttributeKeys,
  AttributeList,
  AttributeValue,
  OtlpRequest,
  ScopeRecords,
  SpanRecord,
} from '../../src/telemetry/otlp/records.ts'

export type Attributes = Readonly<Record<string, unknown>>

/** A span as a test writes it; what is left out is ordinary. */
export interface SpanSketch {
  readonly trace?: string
  readonly id?: string
  readonly parent?: string
  readonly name?: string
  readonly kind?: number
  readonly start?: number
  readonly end?: number
  readonly status?: number
  readonly attributes: Attributes
  readonly events?: readonly { readonly name: string; readonly attributes: Attributes }[]
}

/** 2026-11-30T00:00:00Z in microseconds. */
export const noon = 1_795_996_800_000_000

/** `text` padded to as many hex digits as an id has. */
export function hexId(text: string | number, digits: number): string {
  return Buffer.from(String(text)).toString('hex').padStart(digits, '0').slice(-digits)
}

export function attributeList(keys: AttributeKeys, attributes: Attributes): AttributeList {
  const list: { slots: number[]; names: string[]; values: AttributeValue[] } = { slots: [], names: [], values: [] }
  for (const [name, value] of Object.entries(attributes)) {
    const slot = keys.slotOf(name)
    if (slot < 0) continue
    list.slots.push(slot)
    list.names.push(slot < keys.names.length ? '' : name)
    const numbers = Array.isArray(value) && value.length > 0 && value.every((element) => typeof element === 'number')
    list.values.push((numbers ? Float64Array.from(value) : value) as AttributeValue)
  }
  return list
}

export function spanRecord(keys: AttributeKeys, sketch: SpanSketch, index = 0): SpanRecord {
  const start = sketch.start ?? noon + index * 1000
  return {
    traceId: hexId(sketch.trace ?? 'trace', 32),
    spanId: hexId(sketch.id ?? `s${index}`, 16),
    parentSpanId: sketch.parent === undefined ? '' : hexId(sketch.parent, 16),
    name: sketch.name ?? 'span',
    kind: sketch.kind ?? 1,
    startMicros: start,
    endMicros: sketch.end ?? start + 500_000,
    statusCode: sketch.status ?? 0,
    attributes: attributeList(keys, sketch.attributes),
    events: (sketch.events ?? []).map(({ name, attributes }) => ({ name, attributes: attributeList(keys, attributes) })),
  }
}

export interface ScopeSketch {
  readonly scope?: string
  readonly resource?: Attributes
}

export function scopeRecords(
  keys: AttributeKeys,
  records: Partial<ScopeRecords>,
  { scope = 'test', resource }: ScopeSketch = {},
): ScopeRecords {
  return {
    resource: attributeList(keys, resource ?? { 'service.name': 'shop', 'deployment.environment.name': 'prod' }),
    scopeName: scope,
    spans: [],
    logs: [],
    points: [],
    ...records,
  }
}

export function traces(keys: AttributeKeys, spans: readonly SpanSketch[], scope: ScopeSketch = {}): OtlpRequest {
  return {
    signal: 'traces',
    scopes: [scopeRecords(keys, { spans: spans.map((span, index) => spanRecord(keys, span, index)) }, scope)],
    clamped: {},
  }
}

export function mapperWith(settings: object = {}, pseudonym: Pseudonym = inTheClear): Mapper {
  return createMapper(configSchema.parse(settings), pseudonym)
}

export function origin(offset = 0, timestampMillis = 0): RecordOrigin {
  return { topic: 'otlp_spans', epoch: '1', partition: 0, offset, timestampMillis }
}

/** Maps one request of spans. */
export function mapSpans(
  spans: readonly SpanSketch[],
  options: ScopeSketch & { mapper?: Mapper; window?: JoinWindow; offset?: number } = {},
): Mapped {
  const mapper = options.mapper ?? mapperWith()
  return mapper.map(traces(mapper.keys, spans, options), origin(options.offset), options.window)
}

/** The only event of one span, as a call. */
export function onlyCall(
  attributes: Attributes,
  span: Partial<SpanSketch> = {},
  options: ScopeSketch & { mapper?: Mapper } = {},
): CallEvent {
  const { events } = mapSpans([{ ...span, attributes }], options)
  if (events.length !== 1 || events[0]!.kind !== 'call') throw new Error(`expected one call, got ${JSON.stringify(events)}`)
  return events[0]!
}

export function calls(events: readonly Event[]): CallEvent[] {
  return events.filter((event) => event.kind === 'call')
}

export function toolCalls(events: readonly Event[]): ToolCallEvent[] {
  return events.filter((event) => event.kind === 'toolCall')
}

/** A GenAI call; more attributes, or others, by `more`. */
export function chat(more: Attributes = {}): Attributes {
  return { 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'openai', 'gen_ai.request.model': 'm', ...more }
}
