import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { startObservability, wantsExport } from '../../src/observability/otel.ts'

describe('own telemetry', () => {
  it('leaves only when the environment asks for it', () => {
    expect(wantsExport({})).toBe(false)
    expect(wantsExport({ OTEL_SERVICE_NAME: 'x' })).toBe(false)
    expect(wantsExport({ OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' })).toBe(false)
    expect(wantsExport({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' })).toBe(true)
    expect(wantsExport({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' })).toBe(true)
    expect(wantsExport({ OTEL_TRACES_EXPORTER: 'console' })).toBe(true)
    expect(wantsExport({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', OTEL_SDK_DISABLED: 'true' })).toBe(false)
  })

  it('always has metrics for /metrics, the event loop among them', async () => {
    const observability = await startObservability('1.2.3', {})
    observability.metrics.deadLetters.add(1, { code: 'TW_TELEMETRY_MALFORMED' })
    const text = await observability.prometheus()
    expect(observability.exporting).toBe(false)
    expect(text).toContain('tidewatch_dead_letters_total{code="TW_TELEMETRY_MALFORMED"} 1')
    expect(text).toContain('tidewatch_event_loop_delay{quantile="0.99"}')
    expect(text).toMatch(/target_info\{.*service_name="tidewatch".*service_version="1\.2\.3"/)
    await observability.shutdown()
  })

  it('sends one span a batch and the metrics by OTLP, and ends', async () => {
    const requests: { path: string; body: string }[] = []
    const collector = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat(chunks)
        requests.push({
          path: request.url!,
          body: (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('latin1'),
        })
        response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
      })
    })
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
    const program = `
      import { startObservability } from './src/observability/otel.ts'
      import { traceBatch } from './src/observability/spans.ts'
      const observability = await startObservability('1.2.3')
      const batch = { destination: 'otlp_spans', partition: 3, first: 10, messages: 500, group: 'tidewatch' }
      await traceBatch(batch, async () => observability.metrics.batches.add(1, { topic: 'otlp_spans' }))
      await traceBatch(batch, async () => { throw new TypeError('broken') }).catch(() => {})
      await observability.shutdown()`
    // A process of its own: the SDK registers itself globally.
    await promisify(execFile)(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program], {
      env: { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}` },
    })
    await new Promise((resolve) => collector.close(resolve))
    const traces = requests
      .filter((request) => request.path === '/v1/traces')
      .map((request) => request.body)
      .join('')
    expect(traces.match(/process otlp_spans/g)).toHaveLength(2)
    expect(traces).toContain('messaging.batch.message_count')
    expect(traces).toContain('TypeError')
    expect(requests.find((request) => request.path === '/v1/metrics')?.body).toContain('tidewatch.batches')
  })
})
