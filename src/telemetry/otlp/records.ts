/**
 * What the decoders of OTLP hand to the mapping: only what is used, in one shape for protobuf and JSON.
 * Times are microseconds since the epoch in a double (exact up to the year 2255).
 */

/** A value of an attribute. Lists keep numbers in a Float64Array where all elements are numbers. */
export type AttributeValue = string | number | boolean | Uint8Array | Float64Array | AttributeValue[] | { [key: string]: AttributeValue }

export type Signal = 'traces' | 'metrics' | 'logs'

/**
 * The attribute names that the mapping reads. Every other attribute is skipped without being decoded.
 * A name has a slot, a small integer; a family is a prefix (`tidewatch.link.`) whose members share its slot and keep their name.
 */
export interface AttributeKeys {
  readonly names: readonly string[]
  readonly families: readonly string[]
  /** Slot of a name, -1 where nobody reads it. Names come first, then families in their order. */
  slotOf(name: string): number
}

/** Attributes in wire order, three parallel arrays. `names[i]` is set for members of a family only (else ''). */
export interface AttributeList {
  readonly slots: number[]
  readonly names: string[]
  readonly values: AttributeValue[]
}

export interface SpanEventRecord {
  readonly name: string
  readonly attributes: AttributeList
}

export interface SpanRecord {
  /** 32 lowercase hex digits, '' where absent. */
  readonly traceId: string
  /** 16 lowercase hex digits, '' where absent. */
  readonly spanId: string
  /** '' for a root. */
  readonly parentSpanId: string
  readonly name: string
  /** OTLP enum: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number
  readonly startMicros: number
  readonly endMicros: number
  /** OTLP enum: 0 unset, 1 ok, 2 error. */
  readonly statusCode: number
  readonly attributes: AttributeList
  readonly events: readonly SpanEventRecord[]
}

export interface LogRecord {
  readonly timeMicros: number
  readonly observedMicros: number
  readonly eventName: string
  readonly traceId: string
  readonly spanId: string
  readonly attributes: AttributeList
}

export interface MetricPointRecord {
  readonly metric: string
  readonly unit: string
  /** A histogram gives two points: `sum` and `count`; a summary likewise. */
  readonly kind: 'gauge' | 'sum' | 'histogram'
  readonly monotonic: boolean
  /** Aggregation temporality: 0 unspecified (gauges), 1 delta, 2 cumulative. */
  readonly temporality: number
  readonly startMicros: number
  readonly timeMicros: number
  /** May be NaN or infinite: that is a finding, not an error. For a histogram, the sum. */
  readonly value: number
  /** Observations in a histogram, null elsewhere. */
  readonly count: number | null
  /** All attributes of the point (a series is named by all of them), in wire order, as text. */
  readonly labels: readonly (readonly [string, string])[]
}

/** The records under one resource and scope. */
export interface ScopeRecords {
  readonly resource: AttributeList
  readonly scopeName: string
  readonly spans: readonly SpanRecord[]
  readonly logs: readonly LogRecord[]
  readonly points: readonly MetricPointRecord[]
}

/** One decoded export request. */
export interface OtlpRequest {
  readonly signal: Signal
  readonly scopes: readonly ScopeRecords[]
  /** Values that were clamped or dropped inside an otherwise good request, by reason (see `docs/telemetry.md`). */
  readonly clamped: Readonly<Record<string, number>>
}
