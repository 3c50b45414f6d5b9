import type { JournalRecord } from '../../src/sources/journal/frame.ts'
import { tickHeaders } from '../../src/stages/tick.ts'
import { otlpTraffic } from './otlp-traffic.ts'

/**
 * A log with a bit of everything that Tidewatch must not lose or count twice: ordinary calls and an attack that opens an incident, calls whose parent
 * span comes in the next request or never, training samples and metric points, records that cannot be used, clock ticks, and
 * days of silence at the end that resolve the incident. The same on every call, but for the times,
 * which end about `now` (milliseconds).
 */
export function mixedLog(now = Date.UTC(2026, 2, 4, 15), people = 40): JournalRecord[] {
  const records: JournalRecord[] = []
  const add = (signal: JournalRecord['signal'], body: object | string, time: number) =>
    records.push({ signal, value: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), headers: {}, receivedAt: time })
  const tick = (time: number) => records.push({ signal: 'traces', value: new Uint8Array(0), headers: tickHeaders, receivedAt: time })
  const parents: object[] = []
  for (const [index, request] of otlpTraffic({ now, people }).requests.entries()) {
    const { spans } = request.resourceSpans[0].scopeSpans[0] as unknown as { spans: Span[] }
    const time = Math.max(...spans.map(({ endTimeUnixNano }) => Number(endTimeUnixNano.slice(0, -6)))) + 1000
    // The last two calls wait: the parent of one comes with the next request, that of the other never.
    const [orphan, child] = spans.slice(-2)
    const parent = { ...child, spanId: (index + 1).toString(16).padStart(16, 'c'), name: 'POST', kind: 3, attributes: [] }
    if (child) child.parentSpanId = parent.spanId
    if (orphan) orphan.parentSpanId = (index + 1).toString(16).padStart(16, 'e')
    spans.unshift(...(parents.splice(0) as Span[]))
    parents.push(parent)
    add('traces', request, time)
    if (index % 9 === 2) add('traces', 'this is not telemetry', time)
    if (index % 7 === 3) add('logs', trainingSample(index, time), time)
    if (index % 5 === 1) add('metrics', gauge(index, time), time)
    if (index % 4 === 0) tick(time + 500)
  }
  const end = records.at(-1)!.receivedAt
  for (const day of [1, 2, 3]) tick(end + day * 86_400_000)
  return records
}

interface Span {
  traceId: string
  spanId: string
  parentSpanId?: string
  endTimeUnixNano: string
}

function trainingSample(index: number, time: number): object {
  const attributes = [
    { key: 'tidewatch.training.run.id', value: { stringValue: 'run-1' } },
    { key: 'tidewatch.training.sample.id', value: { stringValue: `sample-${index}` } },
    { key: 'tidewatch.training.source', value: { stringValue: `source-${index % 3}` } },
  ]
  const logRecord = { timeUnixNano: `${time}000000`, eventName: 'tidewatch.training.sample', attributes }
  return { resourceLogs: [{ resource: { attributes: [] }, scopeLogs: [{ scope: {}, logRecords: [logRecord] }] }] }
}

function gauge(index: number, time: number): object {
  const dataPoints = [{ timeUnixNano: `${time}000000`, asDouble: index % 10 === 1 ? 'NaN' : Math.sqrt(index) }]
  return {
    resourceMetrics: [{ resource: { attributes: [] }, scopeMetrics: [{ scope: {}, metrics: [{ name: 'loss', gauge: { dataPoints } }] }] }],
  }
}
