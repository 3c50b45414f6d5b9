import { fieldOf, type Json, type JsonFields } from './json-fields.ts'
import { readLabels } from './json-value.ts'
import { addPoint, type MetricShape } from './protobuf-metric.ts'
import type { MetricPointRecord } from './records.ts'

const temporalities = ['UNSPECIFIED', 'DELTA', 'CUMULATIVE']

interface Kind {
  readonly name: string
  readonly snakeName: string
  readonly kind: MetricShape['kind']
}

const kinds: readonly Kind[] = [
  { name: 'gauge', snakeName: 'gauge', kind: 'gauge' },
  { name: 'sum', snakeName: 'sum', kind: 'sum' },
  { name: 'histogram', snakeName: 'histogram', kind: 'histogram' },
  { name: 'exponentialHistogram', snakeName: 'exponential_histogram', kind: 'histogram' },
  { name: 'summary', snakeName: 'summary', kind: 'histogram' },
]

/** Appends the points of a `Metric`; the rules are those of the protobuf form. */
export function readMetric(fields: JsonFields, json: Json, into: MetricPointRecord[]): void {
  for (const kind of kinds) {
    const data = fieldOf(json, kind.name, kind.snakeName)
    if (data === undefined) continue
    const object = fields.object(data)
    const shape = shapeOf(fields, json, object, kind)
    for (const point of fields.objects(fieldOf(object, 'dataPoints', 'data_points'))) readPoint(fields, point, shape, kind, into)
  }
}

function shapeOf(fields: JsonFields, metric: Json, data: Json, { name, kind }: Kind): MetricShape {
  return {
    metric: fields.text(fieldOf(metric, 'name')),
    unit: fields.text(fieldOf(metric, 'unit')),
    kind,
    monotonic: kind === 'sum' ? fields.flag(fieldOf(data, 'isMonotonic', 'is_monotonic')) : kind === 'histogram',
    temporality: name === 'summary' ? 2 : kind === 'gauge' ? 0 : temporalityOf(fields, data),
  }
}

function temporalityOf(fields: JsonFields, json: Json): number {
  return fields.enumOf(fieldOf(json, 'aggregationTemporality', 'aggregation_temporality'), 'AGGREGATION_TEMPORALITY_', temporalities)
}

function readPoint(fields: JsonFields, json: Json, shape: MetricShape, kind: Kind, into: MetricPointRecord[]): void {
  fields.limits.takeRecord()
  addPoint(
    fields.limits,
    shape,
    {
      startMicros: fields.micros(fieldOf(json, 'startTimeUnixNano', 'start_time_unix_nano')),
      timeMicros: fields.micros(fieldOf(json, 'timeUnixNano', 'time_unix_nano')),
      value: valueIn(fields, json, kind),
      count: shape.kind === 'histogram' ? (fields.number(fieldOf(json, 'count')) ?? 0) : 0,
      labels: readLabels(fields, fieldOf(json, 'attributes')),
      noValue: (fields.number(fieldOf(json, 'flags')) ?? 0) % 2 !== 0,
    },
    into,
  )
}

/** The sum of a summary is 0 where it is left out; that of a histogram is not known. */
function valueIn(fields: JsonFields, json: Json, { name, kind }: Kind): number | null {
  if (kind !== 'histogram') return fields.number(fieldOf(json, 'asDouble', 'as_double') ?? fieldOf(json, 'asInt', 'as_int'))
  return fields.number(fieldOf(json, 'sum')) ?? (name === 'summary' ? 0 : null)
}
