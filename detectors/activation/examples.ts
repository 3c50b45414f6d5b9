import { createRandom } from '../../src/sketches/random.ts'
import type { Event, MetricPointEvent } from '../../src/telemetry/events.ts'
import { gauge } from '../signal/examples.ts'

const start = Date.UTC(2026, 0, 5) * 1000
const second = 1e6

/** Twelve training runs of three layers side by side, 500 steps. `dead` is added to the share of zero activations. */
function training(dead: (run: number, layer: number, step: number) => number): Event[] {
  const random = createRandom('example/health')
  const events: MetricPointEvent[] = []
  for (let step = 0; step < 500; step++) {
    for (let run = 0; run < 12; run++) {
      const time = start + 2 * second * step + 1000 * run
      const service = `trainer-${run}`
      const point = (name: string, value: number, layer: string | null): void => {
        const metric = `tidewatch.${name}`
        const series = layer === null ? metric : `${metric}{tidewatch.activation.layer=${layer}}`
        events.push(gauge(metric, time, value, { series, layer, service }))
      }
      const progress = Math.exp(-step / 150)
      point('training.loss', (0.2 + 2 * progress) * Math.exp(0.3 * random.normal()), null)
      point('training.grad_norm', (0.5 + progress) * Math.exp(0.25 * random.normal()), null)
      for (let layer = 0; layer < 3; layer++) {
        const share = Math.min(1, Math.max(0, 0.45 + 0.1 * (1 - progress) + 0.01 * random.normal() + dead(run, layer, step)))
        point('activation.zero_ratio', share, `dense${layer}`)
        point('activation.norm', 8 * (1 + 0.3 * (1 - progress)) * (1 - share) * Math.exp(0.03 * random.normal()), `dense${layer}`)
      }
    }
  }
  return events
}

export const healthExample = {
  subject: { kind: 'layer', id: 'dense1' } as const,
  /** In run 4 most units of the second layer die at step 400. */
  anomalous: (): Event[] => training((run, layer, step) => (run === 4 && layer === 1 && step >= 400 ? 0.4 : 0)),
  benign: (): Event[] => training(() => 0),
}
