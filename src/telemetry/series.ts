import type { Origin } from './draft.ts'
import type { MetricPointEvent, Position } from './events.ts'
import type { MetricPointRecord } from './otlp/records.ts'

const layerLabel = 'tidewatch.activation.layer'

/** `name{k=v,...}` with sorted attributes, no braces when there are none. */
export function seriesName(metric: string, labels: MetricPointRecord['labels']): string {
  if (labels.length === 0) return metric
  const pairs = labels.length === 1 ? labels : [...labels].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `${metric}{${pairs.map(([key, value]) => `${key}=${value}`).join(',')}}`
}

/** A point of a series. Its value is kept as it is: one that is not finite is a finding. */
export function metricPoint(record: MetricPointRecord, origin: Origin, time: number, position: Position): MetricPointEvent {
  return {
    kind: 'metricPoint',
    position,
    time,
    service: origin.service,
    environment: origin.environment,
    series: seriesName(record.metric, record.labels),
    metric: record.metric,
    unit: record.unit,
    layer: record.labels.find(([key]) => key === layerLabel)?.[1] ?? null,
    pointKind: record.kind,
    monotonic: record.monotonic,
    temporality: record.temporality,
    value: record.value,
    count: record.count,
  }
}
