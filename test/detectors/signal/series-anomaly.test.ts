import { describe, expect, it } from 'vitest'
import { gauge } from '../../../detectors/signal/examples.ts'
import { seriesAnomaly } from '../../../detectors/signal/series-anomaly.ts'
import type { Finding } from '../../../src/detection/contract.ts'
import { createRandom, type Random } from '../../../src/sketches/random.ts'
import type { MetricPointEvent } from '../../../src/telemetry/events.ts'

const start = Date.UTC(2026, 0, 5) * 1000
const minute = 60e6
const perDay = 288

function points(count: number, value: (step: number) => number, change: (step: number) => Partial<MetricPointEvent> = () => ({})) {
  return Array.from({ length: count }, (_, step) => gauge('series', start + 5 * minute * step, value(step), change(step)))
}

function findings(events: readonly MetricPointEvent[]): Finding[] {
  const detector = seriesAnomaly.build('test')
  const state = detector.create()
  return events.map((event) => detector.update(state, event)!)
}

function pValues(events: readonly MetricPointEvent[]): number[] {
  return findings(events).map(({ pValue }) => pValue ?? 1)
}

const daily = (step: number): number => 20 * Math.sin((2 * Math.PI * step) / perDay)

describe('p-values of benign series', () => {
  const student = (random: Random): number =>
    random.normal() / Math.sqrt((random.normal() ** 2 + random.normal() ** 2 + random.normal() ** 2) / 3)
  const kinds: Record<string, (random: Random) => (step: number) => number> = {
    normal: (random) => () => random.normal(),
    'log-normal': (random) => () => Math.exp(random.normal()),
    "Student's t with three degrees": (random) => () => student(random),
    'rare events': (random) => () => (random.uniform() < 0.01 ? 10 + random.normal() : 0),
    'random walk': (random) => {
      let at = 0
      return () => (at += random.normal())
    },
    'autoregressive, 0.99': (random) => {
      let at = 0
      return () => (at = 0.99 * at + random.normal())
    },
    'a rhythm of a day, noisier by day': (random) => (step) =>
      daily(step) + (1.5 + Math.sin((2 * Math.PI * step) / perDay)) * random.normal(),
    'a week whose weekend is flat': (random) => (step) => daily(step) * (Math.floor(step / perDay) % 7 < 5 ? 1 : 0.3) + random.normal(),
  }

  it.each(Object.entries(kinds))('are not smaller than they may be: %s', (name, kind) => {
    const count = { all: 0, hundredth: 0, thousandth: 0, tenThousandth: 0 }
    for (let series = 0; series < 8; series++) {
      for (const { pValue } of findings(points(14 * perDay, kind(createRandom(`${name}/${series}`))))) {
        if (pValue === null) continue
        count.all++
        if (pValue <= 0.01) count.hundredth++
        if (pValue <= 0.001) count.thousandth++
        if (pValue <= 0.0001) count.tenThousandth++
      }
    }
    // Five standard deviations of a binomial count.
    const most = (p: number): number => count.all * p + 5 * Math.sqrt(count.all * p)
    expect(count.hundredth).toBeLessThan(most(0.01))
    expect(count.thousandth).toBeLessThan(most(0.001))
    expect(count.tenThousandth).toBeLessThan(most(0.0001))
  })

  it('are one for a constant', () => {
    expect(Math.min(...pValues(points(1000, () => 45)))).toBe(0.5)
  })
})

describe('what happens to a series is found at once', () => {
  const noise = createRandom('happens')
  const usual = (step: number): number => daily(step) + 100 + noise.normal()
  const cases: Record<string, (step: number) => number> = {
    'a spike': (step) => usual(step) + (step === 2000 ? 80 : 0),
    'a level shift': (step) => usual(step) + (step >= 2000 ? 60 : 0),
    'a peak that does not come': (step) => (step % perDay >= 260 && step < 1980 ? 150 : 100) + noise.normal(),
    'a burst of noise': (step) => usual(step) + (step >= 2000 && step < 2020 ? 30 * noise.normal() : 0),
  }

  it.each(Object.entries(cases))('%s', (_, value) => {
    const p = pValues(points(2400, value))
    const before = Math.min(...p.slice(1200, 1980))
    const at = Math.min(...p.slice(1980, 2030))
    expect(at).toBeLessThan(1e-4)
    expect(at).toBeLessThan(before)
  })

  it('once, and not again and again', () => {
    const p = pValues(points(2400, (step) => usual(step) + (step >= 2000 && step < 2025 ? 60 : 0)))
    expect(p.slice(2000, 2030).filter((value) => value <= 1e-4).length).toBeLessThanOrEqual(3)
  })

  it('means the same at any scale and distance from zero', () => {
    const value = (scale: number, offset: number) => {
      const random = createRandom('scale')
      return pValues(points(2100, (step) => offset + scale * (daily(step) + random.normal() + (step === 2000 ? 60 : 0))))[2000]!
    }
    // Histograms have bins, so it is not quite the same.
    for (const p of [value(1e-6, 0), value(1e6, 1e9)]) expect(Math.abs(Math.log(p) / Math.log(value(1, 0)) - 1)).toBeLessThan(0.2)
  })

  it('silence is found when it ends', () => {
    const random = createRandom('silence')
    const events = points(2000, () => random.normal())
    const late = events.map((event, step) => (step < 1500 ? event : { ...event, time: event.time + 24 * 60 * minute }))
    const all = findings(late)
    expect(all[1500]!.pValue).toBeLessThan(0.01)
    expect(all[1500]!.evidence.test).toBe('gap')
  })
})

describe('kinds of metrics', () => {
  const random = createRandom('kinds')

  it('a counter is its rate, and a reset is nothing', () => {
    let total = 0
    const rates = points(
      1200,
      (step) => {
        if (step === 800) total = 0
        total += 300 + 10 * random.normal() + (step === 1000 ? 3000 : 0)
        return total
      },
      () => ({ pointKind: 'sum', monotonic: true, temporality: 2 }),
    )
    const p = pValues(rates)
    expect(p[800]).toBeGreaterThan(0.001)
    expect(p[1000]).toBeLessThan(1e-4)
  })

  it('a histogram is its mean and its pace', () => {
    const histogram = (value: (step: number) => number, count: (step: number) => number) =>
      pValues(points(1200, value, (step) => ({ pointKind: 'histogram', temporality: 1, count: count(step) })))
    const counts = Array.from({ length: 1200 }, () => 1000 + Math.round(20 * random.normal()))
    const slower = histogram(
      (step) => counts[step]! * (0.2 + 0.01 * random.normal() + (step === 1000 ? 1 : 0)),
      (step) => counts[step]!,
    )
    expect(slower[1000]).toBeLessThan(1e-4)
    const fewer = histogram(
      (step) => (step === 1000 ? 10 : counts[step]!) * (0.2 + 0.01 * random.normal()),
      (step) => (step === 1000 ? 10 : counts[step]!),
    )
    expect(fewer[1000]).toBeLessThan(1e-4)
  })

  it('a value that is not finite is an exact finding about activations, unless the series always had some', () => {
    const broken = findings(points(200, (step) => (step === 150 ? Number.NaN : random.normal())))[150]!
    expect(broken).toMatchObject({ pValue: 1e-300, category: 'activation' })
    const usual = findings(points(200, (step) => (step % 10 === 0 ? Number.NaN : random.normal())))
    expect(usual.every(({ pValue }) => pValue === null || pValue > 1e-10)).toBe(true)
  })

  it('late points are judged by value and change no order', () => {
    const events = points(1000, () => random.normal())
    const shuffled = events.map((event, step) => (step % 50 === 49 ? { ...event, time: event.time - 60 * minute } : event))
    expect(Math.min(...pValues(shuffled).slice(100))).toBeGreaterThan(1e-4)
  })
})
