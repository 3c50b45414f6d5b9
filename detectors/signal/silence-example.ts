import { createRandom } from '../../src/sketches/random.ts'
import type { Event, MetricPointEvent } from '../../src/telemetry/events.ts'
import { gauge } from './examples.ts'

const start = Date.UTC(2026, 0, 5) * 1000
const step = 300e6
const steps = 3 * 288

/** Twelve series for three days, a point about every five minutes, one in a hundred of them lost; one may end half a day before the others. */
function alive(stopped: boolean): Event[] {
  const random = createRandom('example/silence')
  const events: MetricPointEvent[] = []
  for (let at = 0; at < steps; at++) {
    for (let series = 0; series < 12; series++) {
      const time = start + step * at + 1e6 * series + 20e6 * random.uniform()
      const lost = random.uniform() < 0.01
      if (lost || (stopped && series === 3 && at > steps - 144)) continue
      events.push(gauge(`queue.length.${series}`, time, 100 + random.normal()))
    }
  }
  return events.sort((a, b) => a.time - b.time)
}

export const silenceExample = {
  subject: { kind: 'series', id: 'queue.length.3' } as const,
  anomalous: (): Event[] => alive(true),
  benign: (): Event[] => alive(false),
}
