import { asObject, fieldOf, type Json, type JsonFields } from './json-fields.ts'
import { readLabels } from './json-value.ts'
import { addPoint, type MetricShape } from './protobuf-metric.ts'
import type { MetricPointRecord } from './records.ts'

const temporalities = ['UNSPECIFIED', 'DELTA', 'CUMULATIVE']

const kinds = [
  { name: 'gauge', snakeName: 'gauge', kind: 'gauge' },
  { name: 'sum', snakeName: 'sum', kind: 'sum' },
  { name: 'histogram', snakeName: 'histogram', kind: 'histogram' },
  { name: 'exponentialHistogram', snakeName: 'exponential_histogram', kind: 'histogram' },
  { name: 'summary', snakeName: 'summary', kind: 'histogram' },
] as const

/** Appends the points of a `Metric`; the rules are those of the protobuf form. */
export function readMetric(fields: JsonFields, json: Json, into: MetricPointRecord[]): void {
  for (const { name, snakeName, kind } of kinds) {
    const data = fieldOf(json, name, snakeName)
    if (data === undefined) continue
    const object = asObject(data)
    if (object === null) {
      fields.wrong(null)
      continue
    }
    const shape: MetricShape = {
      metric: fields.text(fieldOf(json, 'name')),
      unit: fields.text(fieldOf(json, 'unit')),
      kind,
      monotonic: kind === 'sum' ? fields.flag(fieldOf(object, 'isMonotonic', 'is_monotonic')) : kind === 'histogram',
      temporality: name === 'summary' ? 2 : kind === 'gauge' ? 0 : temporalityOf(fields, object),
    }
    for (const point of fields.objects(fieldOf(object, 'dataPoints', 'data_points'))) readPoint(fields, point, shape, into)
  }
}

function temporalityOf(fields: JsonFields, json: Json): number {
  return fields.enumOf(fieldOf(json, 'aggregationTemporality', 'aggregation_temporality'), 'AGGREGATION_TEMPORALITY_', temporalities)
}

function readPoint(fields: JsonFields, json: Json, shape: MetricShape, into: MetricPointRecord[]): void {
  fields.limits.takeRecord()
  addPoint(
    fields.limits,
    shape,
    {
      startMicros: fields.micros(fieldOf(json, 'startTimeUnixNano', 'start_time_unix_nano')),
      timeMicros: fields.micros(fieldOf(json, 'timeUnixNano', 'time_unix_nano')),
      value: valueIn(fields, json, shape.kind),
      count: shape.kind === 'histogram' ? (fields.number(fieldOf(json, 'count')) ?? 0) : 0,
      labels: readLabels(fields, fieldOf(json, 'attributes')),
      noValue: (fields.number(fieldOf(json, 'flags')) ?? 0) % 2 !== 0,
    },
    into,
  )
}

function valueIn(fields: JsonFields, json: Json, kind: MetricShape['kind']): number | null {
  if (kind === 'histogram') return fields.number(fieldOf(json, 'sum'))
  return fields.number(fieldOf(json, 'asDouble', 'as_double') ?? fieldOf(json, 'asInt', 'as_int'))
}
