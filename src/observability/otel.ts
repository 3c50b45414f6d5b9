import { detectResources, envDetector, type Resource, resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider, type MetricReader, PeriodicExportingMetricReader, type PushMetricExporter } from '@opentelemetry/sdk-metrics'
import { watchEventLoop } from './event-loop.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { PrometheusReader } from './prometheus.ts'

export interface Observability {
  readonly metrics: Metrics
  /** True when traces or metrics leave by OTLP. */
  readonly exporting: boolean
  /** What `/metrics` answers, Prometheus text format. */
  prometheus(): Promise<string>
  /** Sends what is left, for two seconds at most, and ends. */
  shutdown(): Promise<void>
}

/** Milliseconds that the last export may take. */
const SHUTDOWN_PATIENCE = 2_000

type Environment = Readonly<Record<string, string | undefined>>

const ENDPOINTS = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT']
const EXPORTERS = ['OTEL_TRACES_EXPORTER', 'OTEL_METRICS_EXPORTER']

/** True when the environment asks for OTLP export: an endpoint, or an exporter other than `none`. */
export function wantsExport(environment: Environment): boolean {
  if (environment.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false
  return ENDPOINTS.some((name) => environment[name]) || EXPORTERS.some((name) => (environment[name] ?? 'none') !== 'none')
}

/** The standard variables choose the protocol; http/protobuf is OpenTelemetry's default. */
async function otlpMetricExporter(environment: Environment): Promise<PushMetricExporter> {
  const protocol = environment.OTEL_EXPORTER_OTLP_METRICS_PROTOCOL ?? environment.OTEL_EXPORTER_OTLP_PROTOCOL
  if (protocol === 'grpc') return new (await import('@opentelemetry/exporter-metrics-otlp-grpc')).OTLPMetricExporter()
  if (protocol === 'http/json') return new (await import('@opentelemetry/exporter-metrics-otlp-http')).OTLPMetricExporter()
  return new (await import('@opentelemetry/exporter-metrics-otlp-proto')).OTLPMetricExporter()
}

async function otlpReader(environment: Environment): Promise<MetricReader[]> {
  if ((environment.OTEL_METRICS_EXPORTER ?? 'otlp') !== 'otlp') return []
  const interval = Number(environment.OTEL_METRIC_EXPORT_INTERVAL)
  return [
    new PeriodicExportingMetricReader({
      exporter: await otlpMetricExporter(environment),
      ...(interval > 0 ? { exportIntervalMillis: interval, exportTimeoutMillis: Math.min(interval, 30_000) } : {}),
    }),
  ]
}

async function startTraces(resource: Resource): Promise<{ shutdown(): Promise<void> }> {
  const { NodeSDK } = await import('@opentelemetry/sdk-node')
  // Metrics have a provider of their own; logs go to stderr.
  const sdk = new NodeSDK({ resource, metricReaders: [], logRecordProcessors: [] })
  sdk.start()
  return sdk
}

/**
 * Tidewatch's own telemetry. Metrics are always kept for `/metrics`; the SDK that sends traces and metrics by OTLP is
 * loaded only when the standard `OTEL_*` variables ask for it, because it is large.
 */
export async function startObservability(version: string, environment: Environment = process.env): Promise<Observability> {
  const prometheus = new PrometheusReader()
  const exporting = wantsExport(environment)
  const readers: MetricReader[] = [prometheus, ...(exporting ? await otlpReader(environment) : [])]
  const resource = resourceFromAttributes({ 'service.name': 'tidewatch', 'service.version': version }).merge(
    detectResources({ detectors: [envDetector] }),
  )
  const provider = new MeterProvider({ resource, readers })
  const traces = exporting ? await startTraces(resource) : null
  const metrics = createMetrics(provider.getMeter('tidewatch', version))
  const stopWatching = watchEventLoop(metrics)
  return {
    metrics,
    exporting,
    prometheus: () => prometheus.render(),
    async shutdown() {
      stopWatching()
      // A collector that does not answer must not keep the process from ending.
      const patience = new Promise<void>((resolve) => setTimeout(resolve, SHUTDOWN_PATIENCE).unref())
      await Promise.race([Promise.allSettled([provider.shutdown(), traces?.shutdown()]), patience])
    },
  }
}
