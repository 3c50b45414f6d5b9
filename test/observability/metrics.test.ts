import { readFile } from 'node:fs/promises'
import { metrics as api } from '@opentelemetry/api'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { describe, expect, it } from 'vitest'
import { createMetrics, metricTable, prometheusName } from '../../src/observability/metrics.ts'
import { PrometheusReader } from '../../src/observability/prometheus.ts'

const rows = Object.values(metricTable)

function start() {
  const reader = new PrometheusReader()
  const metrics = createMetrics(new MeterProvider({ readers: [reader] }).getMeter('test'))
  return { reader, metrics }
}

describe('the metrics', () => {
  it('are those of docs/observability.md, no more and no less', async () => {
    const text = await readFile(new URL('../../docs/observability.md', import.meta.url), 'utf8')
    const documented = [...text.matchAll(/^\| `(tidewatch_\w+)` \| (\w+) \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$/gm)].map((match) =>
      match.slice(1).map((cell) => cell.trim()),
    )
    const expected = rows.map((row) => [
      prometheusName(row),
      row.kind,
      row.unit === 's' ? 'seconds' : row.unit === 'By' ? 'bytes' : row.unit.replace(/[{}]/g, ''),
      row.attributes.map((name) => `\`${name}\``).join(', ') || '–',
      row.description,
    ])
    expect(documented).toEqual(expected)
  })

  it('have unique names of the one namespace and no attribute that could be an identity', () => {
    expect(new Set(rows.map((row) => row.name)).size).toBe(rows.length)
    for (const row of rows) {
      expect(row.name).toMatch(/^tidewatch\.[a-z_.]+$/)
      for (const name of row.attributes) expect(name).not.toMatch(/principal|subject|user|credential|id$/)
    }
  })

  it('are shown under their Prometheus names, counters with _total', async () => {
    const { reader, metrics } = start()
    metrics.events.add(3, { kind: 'call' })
    metrics.events.add(2, { kind: 'call' })
    metrics.storeWriteDuration.record(0.02)
    metrics.journalSize.observe(() => [{ value: 4096, attributes: {} }])
    const text = await reader.render()
    expect(text).toMatch(/^tidewatch_events_total\{kind="call"\} 5$/m)
    expect(text).toMatch(/^tidewatch_store_write_duration_bucket\{le="0.025"\} 1$/m)
    expect(text).toMatch(/^tidewatch_journal_size 4096$/m)
    for (const line of text.split('\n')) expect(line).toMatch(/^(#.*|[a-z_]+(\{.*\})? [-+.\deNaInf]+|)$/)
  })

  it('forget the lag of a partition that moved away', async () => {
    const { reader, metrics } = start()
    let partitions = [0, 1]
    metrics.lag.observe(() => partitions.map((partition) => ({ value: 7, attributes: { topic: 'otlp_spans', partition } })))
    expect(await reader.render()).toContain('partition="1"')
    partitions = [0]
    const text = await reader.render()
    expect(text).toContain('partition="0"')
    expect(text).not.toContain('partition="1"')
  })

  it('cost nothing and throw nothing on the no-op meter', () => {
    const metrics = createMetrics(api.getMeter('nobody'))
    metrics.events.add(1, { kind: 'call' })
    metrics.batchDuration.record(1, { topic: 'x' })
    metrics.lag.observe(() => [])
  })
})
