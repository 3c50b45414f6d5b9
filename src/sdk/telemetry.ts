import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchLogRecordProcessor } from '@opentelemetry/sdk-logs'
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { NodeSDK } from '@opentelemetry/sdk-node'

export interface TelemetryOptions {
  /** `service.name`: what Tidewatch shows as the service. `OTEL_SERVICE_NAME` where absent. */
  readonly service?: string
  /** `deployment.environment.name`: models of other environments are other models. */
  readonly environment?: string
  /** Milliseconds between two reports of metrics. What a layer does between two is not seen, values that are not finite apart. */
  readonly metricInterval?: number
}

/** OpenTelemetry as Tidewatch wants it. */
export interface Telemetry {
  /**
   * Resolves once everything said so far was handed to the receiver. Await it after every batch or epoch: a loop that never awaits fills
   * the queue (65,536 records), and the OpenTelemetry SDK then drops.
   */
  flush(): Promise<void>
  /** Flushes and ends. */
  stop(): Promise<void>
}

/** Log records that wait at most; the SDK's own 2,048 are less than one epoch of most trainings. */
const mostWaiting = 65_536

/**
 * Starts traces, logs and metrics over OTLP/HTTP and makes them the global ones. `OTEL_EXPORTER_OTLP_ENDPOINT` says where to;
 * http://localhost:4318 by default, where Tidewatch listens. Who has an OpenTelemetry SDK running does not need this.
 */
export function startTelemetry({ service, environment, metricInterval = 5000 }: TelemetryOptions = {}): Telemetry {
  const logRecords = new BatchLogRecordProcessor({ exporter: new OTLPLogExporter(), maxQueueSize: mostWaiting, scheduledDelayMillis: 1000 })
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter(),
    exportIntervalMillis: metricInterval,
    exportTimeoutMillis: metricInterval,
  })
  const sdk = new NodeSDK({
    ...(service === undefined ? {} : { serviceName: service }),
    ...(environment === undefined ? {} : { resource: resourceFromAttributes({ 'deployment.environment.name': environment }) }),
    traceExporter: new OTLPTraceExporter(),
    logRecordProcessors: [logRecords],
    metricReaders: [reader],
    instrumentations: [],
  })
  sdk.start()
  return {
    async flush() {
      await Promise.all([logRecords.forceFlush(), reader.forceFlush()])
    },
    stop: () => sdk.shutdown(),
  }
}
