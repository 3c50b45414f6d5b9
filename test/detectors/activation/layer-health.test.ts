import { describe, expect, it } from 'vitest'
import { layerHealth } from '../../../detectors/activation/layer-health.ts'
import { gauge } from '../../../detectors/signal/examples.ts'
import type { Alert } from '../../../src/decisions/alert.ts'
import { createDecisions } from '../../../src/decisions/decide.ts'
import { createDetection } from '../../../src/detection/detect.ts'
import { createRandom } from '../../../src/sketches/random.ts'

const start = Date.UTC(2026, 0, 5) * 1000
const step = 2e6

interface Network {
  loss: number
  gradient: number
  layers: { zero: number; saturated: number; norm: number; std: number; nonfinite: number }[]
}

/** What a run of three layers reports in `steps` steps, with what `happen` does to it; the alerts, and the step of each. */
function watch(steps: number, happen: (at: number, network: Network) => void, pauseAt = -1): { alert: Alert; step: number }[] {
  const random = createRandom('watch')
  const detection = createDetection({ seed: 'test', detectors: [layerHealth] })
  const decisions = createDecisions({ falseIncidentsPerDay: 1, detectors: [layerHealth] })
  const told: { alert: Alert; step: number }[] = []
  let time = start
  for (let at = 0; at < steps; at++) {
    time += at === pauseAt ? 50 * step : step
    const noise = (size: number): number => Math.exp(size * random.normal())
    const progress = Math.exp(-at / 150)
    const network: Network = {
      loss: (0.2 + 2 * progress) * noise(0.4),
      gradient: (0.5 + progress) * noise(0.3),
      layers: [0, 1, 2].map((layer) => ({
        zero: 0.5 + 0.1 * progress + 0.01 * random.normal(),
        saturated: 0.01,
        norm: (8 + layer) * noise(0.03),
        std: (1 + 0.2 * layer) * noise(0.03),
        nonfinite: 0,
      })),
    }
    happen(at, network)
    const point = (name: string, value: number, layer: string | null): void => {
      const metric = `tidewatch.${name}`
      const series = layer === null ? metric : `${metric}{tidewatch.activation.layer=${layer}}`
      for (const observation of detection.process(gauge(metric, time, value, { series, layer, service: 'trainer' }))) {
        for (const alert of decisions.process(observation).alerts) told.push({ alert, step: at })
      }
    }
    point('training.loss', network.loss, null)
    point('training.grad_norm', network.gradient, null)
    network.layers.forEach(({ zero, saturated, norm, std, nonfinite }, layer) => {
      point('activation.norm', norm, `dense${layer}`)
      point('activation.std', std, `dense${layer}`)
      point('activation.zero_ratio', zero, `dense${layer}`)
      point('activation.saturated_ratio', saturated, `dense${layer}`)
      point('activation.nonfinite', nonfinite, `dense${layer}`)
    })
  }
  return told
}

function opened(told: readonly { alert: Alert; step: number }[]) {
  return told
    .filter(({ alert }) => alert.status === 'opened')
    .map(({ alert, step }) => ({ category: alert.category, subject: `${alert.subject.kind} ${alert.subject.id}`, step }))
}

describe('layer health', () => {
  it('is silent on a run whose learning rate drops and that pauses', () => {
    const dropped = watch(
      900,
      (at, network) => {
        if (at < 500) return
        network.loss *= 0.7
        network.gradient *= 0.8
      },
      700,
    )
    expect(opened(dropped)).toEqual([])
  })

  const faults: Record<string, { happen: (network: Network) => void; found: { category: string; subject: string } }> = {
    'dying units, with a loss that jumps for it': {
      happen: (network) => {
        network.layers[1]!.zero = 0.93
        network.layers[1]!.norm *= 0.3
        network.layers[2]!.norm *= 0.4
        network.loss *= 6
      },
      found: { category: 'activation', subject: 'layer dense1' },
    },
    saturation: {
      happen: (network) => {
        network.layers[0]!.saturated = 0.6
        network.layers[0]!.std *= 1.6
      },
      found: { category: 'activation', subject: 'layer dense0' },
    },
    'collapse of variance': {
      happen: (network) => {
        network.layers[2]!.std *= 0.1
      },
      found: { category: 'activation', subject: 'layer dense2' },
    },
    'a spike of the loss': {
      happen: (network) => {
        network.loss *= 25
        network.gradient *= 6
      },
      found: { category: 'signal', subject: 'series tidewatch.training.loss' },
    },
    'a gradient that vanishes': {
      happen: (network) => {
        network.gradient *= 0.001
      },
      found: { category: 'signal', subject: 'series tidewatch.training.grad_norm' },
    },
  }

  it.each(Object.entries(faults))('names %s within three points, once', (_, { happen, found }) => {
    const told = opened(watch(460, (at, network) => (at >= 400 && at < 430 ? happen(network) : undefined)))
    expect(told).toEqual([{ ...found, step: expect.toSatisfy((at: number) => at >= 400 && at <= 402) }])
  })

  it('finds a layer that dies slowly within thirty points', () => {
    const told = opened(
      watch(460, (at, network) => {
        if (at >= 400) network.layers[1]!.zero += 0.4 * Math.min(1, (at - 399) / 60)
      }),
    )
    expect(told).toEqual([
      { category: 'activation', subject: 'layer dense1', step: expect.toSatisfy((at: number) => at >= 400 && at < 430) },
    ])
  })

  it('takes what follows a bad batch as part of it, not as a fault of the layers', () => {
    const told = opened(
      watch(500, (at, network) => {
        if (at >= 400 && at < 408) network.loss *= 25
        if (at >= 402) for (const layer of network.layers) layer.zero += 0.3 * Math.min(1, (at - 401) / 30)
      }),
    )
    expect(told.map(({ category }) => category)).toEqual(['signal'])
  })

  it('tells values that are not finite at once, with the first that broke, from the first step on', () => {
    const happen = (at: number, network: Network): void => {
      if (at < 5 || at > 20) return
      network.loss = Number.NaN
      network.gradient = Number.NaN
      for (const layer of network.layers.slice(at === 5 ? 2 : 0)) layer.nonfinite = 64
    }
    const told = watch(200, happen)
    expect(opened(told)).toEqual([{ category: 'activation', subject: 'series tidewatch.training.loss', step: 5 }])
    const members = told.filter(({ alert }) => alert.status !== 'resolved').flatMap(({ alert }) => alert.members.map(({ id }) => id))
    expect(new Set(members)).toContain('tidewatch.training.grad_norm')
    expect(new Set(members)).not.toContain('dense0')
  })

  it('keeps several runs of one service apart by the other attributes', () => {
    const detector = layerHealth.build('test')
    const series = 'tidewatch.activation.norm{run=7,tidewatch.activation.layer=a}'
    const event = gauge('tidewatch.activation.norm', start, 1, { series, layer: 'a', service: 'trainer' })
    expect(detector.subjects(event)[0]!.subject).toEqual({ kind: 'run', id: 'trainer{run=7}' })
  })
})
