import { count } from '../tally.ts'
import { readLabel } from './protobuf-value.ts'
import type { Reading } from './reading.ts'
import type { MetricPointRecord } from './records.ts'

/** Tags of the fields of a point; -1 where a kind of point has none such. */
interface PointLayout {
  readonly kind: MetricPointRecord['kind']
  readonly labels: number
  readonly flags: number
  readonly double: number
  readonly integer: number
  readonly count: number
  /** The value where none is written: null where that means that there is none. */
  readonly absent: number | null
}

/** By tag of the metric's data: gauge, sum, histogram, exponential histogram, summary. */
const layouts: Readonly<Record<number, PointLayout>> = {
  42: { kind: 'gauge', labels: 58, flags: 64, double: 33, integer: 49, count: -1, absent: null },
  58: { kind: 'sum', labels: 58, flags: 64, double: 33, integer: 49, count: -1, absent: null },
  74: { kind: 'histogram', labels: 74, flags: 80, double: 41, integer: -1, count: 33, absent: null },
  82: { kind: 'histogram', labels: 10, flags: 80, double: 41, integer: -1, count: 33, absent: null },
  90: { kind: 'histogram', labels: 58, flags: 64, double: 41, integer: -1, count: 33, absent: 0 },
}
const summary = 90

/** What all points of a metric share. */
export type MetricShape = Pick<MetricPointRecord, 'metric' | 'unit' | 'kind' | 'monotonic' | 'temporality'>

/**
 * Reads a `Metric` up to `end` and appends its points. A summary is a histogram whose buckets are not read. Sum and count of histograms and
 * summaries only grow, and those of summaries grow from their start (OTLP has no temporality for them).
 */
export function readMetric(r: Reading, end: number, into: MetricPointRecord[]): void {
  let metric = ''
  let unit = ''
  let data = 0
  /** Ranges of the data: it may come before the name, and in parts. Of several kinds the last counts. */
  let parts: number[] = []
  while (r.pos < end) {
    const tag = r.tag()
    if (tag === 10) metric = r.text(end)
    else if (tag === 26) unit = r.text(end)
    else if (layouts[tag] !== undefined) {
      if (tag !== data) parts = []
      data = tag
      const length = r.size(end)
      parts.push(r.pos, r.pos + length)
      r.pos += length
    } else r.skip(tag, end)
  }
  r.finish(end)
  if (data !== 0) readData(r, data, parts, metric, unit, into)
  r.pos = end
}

function readData(r: Reading, data: number, parts: readonly number[], metric: string, unit: string, into: MetricPointRecord[]): void {
  const layout = layouts[data]!
  let temporality = data === summary ? 2 : 0
  let monotonic = layout.kind === 'histogram'
  const points: number[] = []
  for (let i = 0; i < parts.length; i += 2) {
    const end = parts[i + 1]!
    r.pos = parts[i]!
    while (r.pos < end) {
      const tag = r.tag()
      if (tag === 10) {
        const length = r.size(end)
        points.push(r.pos, r.pos + length)
        r.pos += length
      } else if (tag === 16 && data !== 42 && data !== summary) temporality = r.limits.enumOf(r.int64(), 2)
      else if (tag === 24 && data === 58) monotonic = r.bool()
      else r.skip(tag, end)
    }
    r.finish(end)
  }
  const shape: MetricShape = { metric, unit, kind: layout.kind, monotonic, temporality }
  for (let i = 0; i < points.length; i += 2) {
    r.pos = points[i]!
    readPoint(r, points[i + 1]!, layout, shape, into)
  }
}

function readPoint(r: Reading, end: number, layout: PointLayout, shape: MetricShape, into: MetricPointRecord[]): void {
  r.limits.takeRecord()
  let startMicros = 0
  let timeMicros = 0
  let value = layout.absent
  let observations = 0
  let flags = 0
  const labels: [string, string][] = []
  while (r.pos < end) {
    const tag = r.tag()
    if (tag === layout.labels) {
      const length = r.size(end)
      readLabel(r, r.pos + length, labels)
    } else if (tag === 17) startMicros = r.micros()
    else if (tag === 25) timeMicros = r.micros()
    else if (tag === layout.double) value = r.double()
    else if (tag === layout.integer) value = r.signedFixed64()
    else if (tag === layout.count) observations = r.fixed64()
    else if (tag === layout.flags) flags = r.int64()
    else r.skip(tag, end)
  }
  r.finish(end)
  addPoint(r.limits, shape, { startMicros, timeMicros, value, count: observations, labels, noValue: flags % 2 !== 0 }, into)
}

/** What a point says, whichever its form was. */
export interface PointFields {
  readonly startMicros: number
  readonly timeMicros: number
  readonly value: number | null
  readonly count: number
  readonly labels: readonly (readonly [string, string])[]
  /** The flag that says that nothing was measured: not a point. */
  readonly noValue: boolean
}

/** Appends a point. Counts `point_without_value` (dropped) and `histogram_without_sum` (allowed where values may be negative; 0 then). */
export function addPoint(limits: Reading['limits'], shape: MetricShape, fields: PointFields, into: MetricPointRecord[]): void {
  const { startMicros, timeMicros, value, labels } = fields
  if (fields.noValue) return
  const histogram = shape.kind === 'histogram'
  if (value === null) {
    count(limits.clamped, histogram ? 'histogram_without_sum' : 'point_without_value')
    if (!histogram) return
  }
  const { metric, unit, kind, monotonic, temporality } = shape
  into.push({
    metric,
    unit,
    kind,
    monotonic,
    temporality,
    startMicros,
    timeMicros,
    value: value ?? 0,
    count: histogram ? fields.count : null,
    labels,
  })
}
