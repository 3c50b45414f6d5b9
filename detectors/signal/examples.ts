import { createRandom } from '../../src/sketches/random.ts'
import type { Event, MetricPointEvent } from '../../src/telemetry/events.ts'

const start = Date.UTC(2026, 0, 5) * 1000
const minute = 60e6

/** A gauge of an example stream. */
export function gauge(metric: string, time: number, value: number, change: Partial<MetricPointEvent> = {}): MetricPointEvent {
  return {
    kind: 'metricPoint',
    position: { topic: 'example', epoch: '0', partition: 0, offset: 0, index: 0 },
    time,
    service: 'example-service',
    environment: 'production',
    series: metric,
    metric,
    unit: '',
    layer: null,
    pointKind: 'gauge',
    monotonic: false,
    temporality: 0,
    value,
    count: null,
    ...change,
  }
}

/** Twelve series with a daily rhythm over four days, a point every five minutes. */
function ordinary(strange: (series: number, step: number) => number): Event[] {
  const random = createRandom('example/series')
  const events: MetricPointEvent[] = []
  for (let step = 0; step < 4 * 288; step++) {
    for (let series = 0; series < 12; series++) {
      const usual = 100 + 20 * Math.sin((2 * Math.PI * (step + 20 * series)) / 288) + 2 * random.normal()
      events.push(gauge(`queue.length.${series}`, start + 5 * minute * step + series, usual + strange(series, step)))
    }
  }
  return events
}

export const seriesExample = {
  subject: { kind: 'series', id: 'queue.length.3' } as const,
  /** One series stays at double its usual level for half an hour on the last day. */
  anomalous: (): Event[] => ordinary((series, step) => (series === 3 && step >= 1000 && step < 1006 ? 120 : 0)),
  benign: (): Event[] => ordinary(() => 0),
}
