import fc from 'fast-check'
import { gauge } from '../../detectors/signal/examples.ts'
import type { Event, MetricPointEvent } from '../../src/telemetry/events.ts'

const number = fc.oneof(
  fc.double({ min: -1e3, max: 1e3, noNaN: true }),
  fc.constantFrom(0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300, -1e300, 5e-324, Number.MAX_VALUE),
)
const metric = fc.constantFrom(
  'queue.length',
  'tidewatch.training.loss',
  'tidewatch.activation.zero_ratio',
  'tidewatch.activation.nonfinite',
)

const shape: fc.Arbitrary<Partial<MetricPointEvent>> = fc.record({
  metric,
  layer: fc.constantFrom(null, 'a', ''),
  pointKind: fc.constantFrom('gauge', 'sum', 'histogram'),
  monotonic: fc.boolean(),
  temporality: fc.constantFrom(0, 1, 2),
  value: number,
  count: fc.constantFrom(null, 0, 1, 1e15),
})

/** Streams of points in which anything may be absurd, and times may stand still or go back. Long enough to be judged. */
export const brokenPoints: fc.Arbitrary<Event[]> = fc
  .array(fc.tuple(shape, fc.integer({ min: -3_600_000_000, max: 7_200_000_000 })), { minLength: 1, maxLength: 300 })
  .map((changes) => {
    let time = Date.UTC(2026, 0, 5) * 1000
    return changes.map(([change, step]) => {
      time += step
      return gauge(change.metric!, time, 0, change)
    })
  })
