import fc from 'fast-check'
import protobuf from 'protobufjs'
import type { Signal } from '../../../src/telemetry/otlp/records.ts'

const folder = `${import.meta.dirname}/../../fixtures/otlp`
const root = protobuf.loadSync(['trace.proto', 'logs.proto', 'metrics.proto'].map((file) => `${folder}/${file}`))

/** protobufjs' types of the three export requests. */
export const requestTypes: Readonly<Record<Signal, protobuf.Type>> = {
  traces: root.lookupType('opentelemetry.proto.trace.v1.ExportTraceServiceRequest'),
  logs: root.lookupType('opentelemetry.proto.logs.v1.ExportLogsServiceRequest'),
  metrics: root.lookupType('opentelemetry.proto.metrics.v1.ExportMetricsServiceRequest'),
}

/** Names that the tests' mapping reads. */
export const names = ['gen_ai.request.model', 'gen_ai.usage.input_tokens', 'service.name', 'user.id', 'é', 'k', 'tidewatch.link', 'abc']
export const families = ['tidewatch.link.', 'gen_ai.prompt.']

/** A message in protobufjs' plain form: camelCase, 64-bit integers as text, bytes as Uint8Array. */
export type Plain = Record<string, unknown>

/** A record of which each field may be missing. */
function partial(fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Plain> {
  return fc.record(fields, { requiredKeys: [] }) as fc.Arbitrary<Plain>
}

const text = fc.string({ unit: 'grapheme', maxLength: 60 })
const short = fc.constantFrom('', 'chat', 'gpt-4o', 'é☃', 'x'.repeat(200))
const unsigned64 = fc
  .oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 1_700_000_000_000_000_000n, max: 1_900_000_000_000_000_000n }))
  .map(String)
const signed64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.integer({ min: -300, max: 300 })).map(String)
const double = fc.oneof(fc.double(), fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.5))
const bytes = fc.uint8Array({ maxLength: 20 })
const count32 = fc.nat()

function id(size: number): fc.Arbitrary<Uint8Array> {
  const whole = fc.uint8Array({ minLength: size, maxLength: size })
  return fc.oneof(
    { weight: 8, arbitrary: whole },
    fc.constantFrom(new Uint8Array(0), new Uint8Array(size), new Uint8Array(size - 3).fill(7)),
  )
}

const key = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...names) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...families).chain((family) => fc.constantFrom('', 'org', '0.content').map((rest) => family + rest)),
  },
  { weight: 1, arbitrary: fc.constantFrom('', 'abd', 'unknown', '__proto__', 'gen_ai.request.model2') },
  { weight: 1, arbitrary: text },
)

const { anyValue } = fc.letrec<{ anyValue: Plain; pair: Plain }>((tie) => ({
  anyValue: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(text, short).map((stringValue) => ({ stringValue })),
    fc.boolean().map((boolValue) => ({ boolValue })),
    signed64.map((intValue) => ({ intValue })),
    double.map((doubleValue) => ({ doubleValue })),
    bytes.map((bytesValue) => ({ bytesValue })),
    fc.constant({}),
    fc.array(double, { maxLength: 5 }).map((numbers) => ({ arrayValue: { values: numbers.map((doubleValue) => ({ doubleValue })) } })),
    fc.array(tie('anyValue'), { maxLength: 4 }).map((values) => ({ arrayValue: { values } })),
    fc.array(tie('pair'), { maxLength: 4 }).map((values) => ({ kvlistValue: { values } })),
  ),
  pair: partial({ key, value: tie('anyValue') }),
}))
const pair = partial({ key, value: anyValue })
const attributes = fc.oneof(
  fc.array(pair, { maxLength: 6 }),
  // Spans of a batch say the same again and again.
  fc.tuple(pair, fc.nat(4)).map(([one, times]) => Array<Plain>(times).fill(one)),
)

const event = partial({ timeUnixNano: unsigned64, name: text, attributes, droppedAttributesCount: count32 })
const link = partial({ traceId: id(16), spanId: id(8), traceState: short, attributes, flags: count32 })
const span = partial({
  traceId: id(16),
  spanId: id(8),
  parentSpanId: id(8),
  traceState: short,
  flags: count32,
  name: text,
  kind: fc.integer({ min: 0, max: 7 }),
  startTimeUnixNano: unsigned64,
  endTimeUnixNano: unsigned64,
  attributes,
  droppedAttributesCount: count32,
  events: fc.array(event, { maxLength: 3 }),
  links: fc.array(link, { maxLength: 2 }),
  status: partial({ message: text, code: fc.integer({ min: 0, max: 4 }) }),
})

const log = partial({
  timeUnixNano: unsigned64,
  observedTimeUnixNano: unsigned64,
  severityNumber: fc.integer({ min: 0, max: 24 }),
  severityText: short,
  body: anyValue,
  attributes,
  flags: count32,
  traceId: id(16),
  spanId: id(8),
  eventName: text,
})

const number = fc.oneof(
  double.map((asDouble) => ({ asDouble })),
  signed64.map((asInt) => ({ asInt })),
  fc.constant({}),
)
const times = { startTimeUnixNano: unsigned64, timeUnixNano: unsigned64, attributes, flags: fc.constantFrom(0, 0, 1, 2) }
const exemplars = fc.array(partial({ asDouble: double, timeUnixNano: unsigned64, filteredAttributes: attributes, traceId: id(16) }), {
  maxLength: 1,
})
const numberPoint = fc.tuple(partial({ ...times, exemplars }), number).map(([point, value]) => ({ ...point, ...value }))
const distribution = { ...times, count: unsigned64, sum: double }
const histogramPoint = partial({
  ...distribution,
  bucketCounts: fc.array(unsigned64, { maxLength: 4 }),
  explicitBounds: fc.array(double, { maxLength: 3 }),
  exemplars,
  min: double,
  max: double,
})
const buckets = partial({ offset: fc.integer(), bucketCounts: fc.array(unsigned64, { maxLength: 4 }) })
const exponentialPoint = partial({
  ...distribution,
  scale: fc.integer({ min: -10, max: 20 }),
  zeroCount: unsigned64,
  positive: buckets,
  negative: buckets,
  exemplars,
  min: double,
  zeroThreshold: double,
})
const summaryPoint = partial({ ...distribution, quantileValues: fc.array(partial({ quantile: double, value: double }), { maxLength: 3 }) })
const aggregationTemporality = fc.integer({ min: 0, max: 3 })

function points(point: fc.Arbitrary<Plain>): fc.Arbitrary<Plain[]> {
  return fc.array(point, { maxLength: 3 })
}

const data = fc.oneof(
  partial({ dataPoints: points(numberPoint) }).map((gauge) => ({ gauge })),
  partial({ dataPoints: points(numberPoint), aggregationTemporality, isMonotonic: fc.boolean() }).map((sum) => ({ sum })),
  partial({ dataPoints: points(histogramPoint), aggregationTemporality }).map((histogram) => ({ histogram })),
  partial({ dataPoints: points(exponentialPoint), aggregationTemporality }).map((exponentialHistogram) => ({ exponentialHistogram })),
  partial({ dataPoints: points(summaryPoint) }).map((summary) => ({ summary })),
  fc.constant({}),
)
const metric = fc
  .tuple(partial({ name: text, description: text, unit: short, metadata: attributes }), data)
  .map(([one, two]) => ({ ...one, ...two }))

const resource = partial({ attributes, droppedAttributesCount: count32 })
const scope = partial({ name: text, version: short, attributes })

function request(resources: string, scopes: string, records: string, record: fc.Arbitrary<Plain>): fc.Arbitrary<Plain> {
  const inScope = partial({ scope, schemaUrl: short, [records]: fc.array(record, { maxLength: 4 }) })
  const inResource = partial({ resource, schemaUrl: short, [scopes]: fc.array(inScope, { maxLength: 2 }) })
  return fc.array(inResource, { maxLength: 2 }).map((list) => ({ [resources]: list }))
}

/** Export requests in plain form: everything that OTLP knows, each field there or not, values and ids of wrong sizes too. */
export const requests: Readonly<Record<Signal, fc.Arbitrary<Plain>>> = {
  traces: request('resourceSpans', 'scopeSpans', 'spans', span),
  logs: request('resourceLogs', 'scopeLogs', 'logRecords', log),
  metrics: request('resourceMetrics', 'scopeMetrics', 'metrics', metric),
}

/** Protobuf bytes as protobufjs writes them: fields ascending. */
export function encode(signal: Signal, plain: Plain): Buffer {
  const type = requestTypes[signal]
  return Buffer.from(type.encode(type.fromObject(plain)).finish())
}

/** What protobufjs reads, in plain form; absent fields have their defaults, optional ones are missing. */
export function decodeByProtobufjs(signal: Signal, encoded: Uint8Array): Plain {
  const type = requestTypes[signal]
  return type.toObject(type.decode(encoded), { longs: String, arrays: true, defaults: true, oneofs: true })
}
