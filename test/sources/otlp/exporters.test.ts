import { createRequire } from 'node:module'
import { OTLPMetricExporter as MetricGrpc } from '@opentelemetry/exporter-metrics-otlp-grpc'
import { OTLPMetricExporter as MetricJson } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as MetricProto } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter as TraceProto } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider, PeriodicExportingMetricReader, type PushMetricExporter } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, SimpleSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TidewatchError } from '../../../src/errors.ts'
import { startOtlpGrpc } from '../../../src/sources/otlp/grpc.ts'
import { type OtlpServer, startOtlpHttp } from '../../../src/sources/otlp/http.ts'
import { OtlpReceiver } from '../../../src/sources/otlp/receiver.ts'
import { decodeRequest } from '../../../src/telemetry/otlp/decode.ts'
import { TestSink } from './support.ts'

// These come with sdk-node and are not dependencies of their own.
const sdkNode = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-node'))
const { OTLPTraceExporter: TraceJson } = sdkNode('@opentelemetry/exporter-trace-otlp-http')
const { OTLPTraceExporter: TraceGrpc } = sdkNode('@opentelemetry/exporter-trace-otlp-grpc')
const exporterBase = sdkNode('@opentelemetry/otlp-exporter-base')

const keys = { names: [], families: [], slotOf: () => -1 }
const gzip = exporterBase.CompressionAlgorithm.GZIP

let sink: TestSink
let http: OtlpServer
let grpc: OtlpServer

beforeEach(async () => {
  sink = new TestSink()
  const options = {
    host: '127.0.0.1',
    port: 0,
    maxRequestBytes: 2 ** 20,
    receiver: new OtlpReceiver(sink, { maxInFlight: 8, keepBytes: 100 }),
  }
  http = await startOtlpHttp(options)
  grpc = await startOtlpGrpc(options)
})
afterEach(() => Promise.all([http.stop(100), grpc.stop(100)]))

function decoded() {
  return sink.records.map(({ value, signal }) => decodeRequest(value, { signal, keys, maxBytes: 2 ** 20, maxDepth: 32 }))
}

async function exportSpan(exporter: SpanExporter, name: string): Promise<void> {
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'shop' }),
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  })
  provider
    .getTracer('test')
    .startSpan(name, { attributes: { text: 'x'.repeat(5000) } })
    .end()
  await provider.forceFlush()
  await provider.shutdown()
}

async function exportMetric(exporter: PushMetricExporter): Promise<void> {
  const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] })
  provider.getMeter('test').createCounter('requests').add(3)
  await provider.forceFlush()
  await provider.shutdown()
}

const traces = () => `http://127.0.0.1:${http.port}/v1/traces`
const metrics = () => `http://127.0.0.1:${http.port}/v1/metrics`
const remote = () => `http://127.0.0.1:${grpc.port}`

describe('the exporters of OpenTelemetry for JavaScript', () => {
  it.each([
    ['http/protobuf', () => new TraceProto({ url: traces() })],
    ['http/protobuf, gzip', () => new TraceProto({ url: traces(), compression: gzip })],
    ['http/json', () => new TraceJson({ url: traces() })],
    ['http/json, gzip', () => new TraceJson({ url: traces(), compression: gzip })],
    ['grpc', () => new TraceGrpc({ url: remote() })],
    ['grpc, gzip', () => new TraceGrpc({ url: remote(), compression: gzip })],
  ])('deliver spans by %s', async (name, exporter) => {
    await exportSpan(exporter(), name)
    const requests = decoded()
    expect(requests.flatMap((request) => request.scopes.flatMap((scope) => scope.spans.map((span) => span.name)))).toEqual([name])
  })

  it.each([
    ['http/protobuf', () => new MetricProto({ url: metrics() })],
    ['http/json', () => new MetricJson({ url: metrics() })],
    ['grpc', () => new MetricGrpc({ url: remote() })],
  ])('deliver metrics by %s', async (_name, exporter) => {
    await exportMetric(exporter())
    const points = decoded().flatMap((request) => request.scopes.flatMap((scope) => scope.points))
    expect(points.length).toBeGreaterThan(0)
    expect(points[0]).toMatchObject({ metric: 'requests', value: 3 })
  })

  it('come again when they are told to, and lose nothing', async () => {
    sink.failure = new TidewatchError('TW_JOURNAL_FULL', '')
    const refused = sink.asked()
    const exported = exportSpan(new TraceProto({ url: traces() }), 'patient')
    await refused
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(sink.records).toEqual([])
    sink.failure = null
    await exported
    expect(decoded()[0]!.scopes[0]!.spans[0]!.name).toBe('patient')
  })
})
