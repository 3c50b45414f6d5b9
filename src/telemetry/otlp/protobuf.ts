import { readMetric } from './protobuf-metric.ts'
import { readLog, readResource, readScopeName, readSpan } from './protobuf-records.ts'
import type { Reading } from './reading.ts'
import type { AttributeList, LogRecord, MetricPointRecord, OtlpRequest, ScopeRecords, Signal, SpanRecord } from './records.ts'

/**
 * Reads an export request from its protobuf bytes, in one pass. Fields come in any order (the Collector writes them descending, a resource
 * after its spans), fields and attributes that nobody reads are passed over, and so are unknown ones.
 *
 * Int64 values beyond 2^53 become the nearest double. Counts `trace_id`, `span_id` (an id of a wrong size: absent), `enum` (an unknown
 * number: 0), `point_without_value`, `histogram_without_sum`.
 */
export function readProtobuf(r: Reading, bytes: Buffer, signal: Signal): OtlpRequest {
  r.load(bytes)
  const scopes: ScopeRecords[] = []
  const end = bytes.length
  while (r.pos < end) {
    const tag = r.tag()
    if (tag === 10) {
      const length = r.size(end)
      readResourceRecords(r, r.pos + length, signal, scopes)
    } else r.skip(tag, end)
  }
  r.finish(end)
  return { signal, scopes, clamped: r.limits.clamped }
}

/** `ResourceSpans`, `ResourceLogs` and `ResourceMetrics` are alike. */
function readResourceRecords(r: Reading, end: number, signal: Signal, into: ScopeRecords[]): void {
  const resource: AttributeList = { slots: [], names: [], values: [] }
  while (r.pos < end) {
    const tag = r.tag()
    if (tag === 18) {
      const length = r.size(end)
      into.push(readScopeRecords(r, r.pos + length, signal, resource))
    } else if (tag === 10) {
      const length = r.size(end)
      readResource(r, r.pos + length, resource)
    } else r.skip(tag, end)
  }
  r.finish(end)
}

function readScopeRecords(r: Reading, end: number, signal: Signal, resource: AttributeList): ScopeRecords {
  r.limits.takeRecord()
  let scopeName = ''
  const spans: SpanRecord[] = []
  const logs: LogRecord[] = []
  const points: MetricPointRecord[] = []
  while (r.pos < end) {
    const tag = r.tag()
    if (tag === 18) {
      const length = r.size(end)
      if (signal === 'traces') spans.push(readSpan(r, r.pos + length))
      else if (signal === 'logs') logs.push(readLog(r, r.pos + length))
      else readMetric(r, r.pos + length, points)
    } else if (tag === 10) {
      const length = r.size(end)
      scopeName = readScopeName(r, r.pos + length, scopeName)
    } else r.skip(tag, end)
  }
  r.finish(end)
  return { resource, scopeName, spans, logs, points }
}
