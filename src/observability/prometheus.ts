import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { AggregationTemporality, InstrumentType, MetricReader } from '@opentelemetry/sdk-metrics'

/**
 * Metrics for `/metrics`, read when asked. The exporter's own reader keeps a gauge's last value for ever, so the lag of a
 * partition that moved away would be shown until the end of the process; this one shows only what was observed now.
 */
export class PrometheusReader extends MetricReader {
  private readonly serializer = new PrometheusSerializer('', false, undefined, false, true)

  constructor() {
    super({
      aggregationTemporalitySelector: (type) =>
        type === InstrumentType.OBSERVABLE_GAUGE ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE,
    })
  }

  /** The Prometheus text format 0.0.4. */
  async render(): Promise<string> {
    const { resourceMetrics } = await this.collect()
    return this.serializer.serialize(resourceMetrics)
  }

  protected override async onForceFlush(): Promise<void> {}

  protected override async onShutdown(): Promise<void> {}
}
