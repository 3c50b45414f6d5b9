import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Metrics } from './metrics.ts'

/** Starts to measure how late timers run. Every reading begins a new window; the answer stops the measuring. */
export function watchEventLoop(metrics: Pick<Metrics, 'eventLoopDelay'>): () => void {
  const histogram = monitorEventLoopDelay({ resolution: 20 })
  histogram.enable()
  metrics.eventLoopDelay.observe(() => {
    const readings = [
      { value: histogram.percentile(50) / 1e9, attributes: { quantile: '0.5' } },
      { value: histogram.percentile(99) / 1e9, attributes: { quantile: '0.99' } },
      { value: histogram.max / 1e9, attributes: { quantile: '1' } },
    ]
    histogram.reset()
    return readings
  })
  return () => histogram.disable()
}
