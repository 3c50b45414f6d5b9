import { createRandom } from '../../src/sketches/random.ts'
import type { CallEvent, Event } from '../../src/telemetry/events.ts'
import { type Caller, callsOf } from '../extraction/examples.ts'

interface Wishes {
  /** One call is far beyond everything. */
  readonly loud?: boolean
  /** An account whose inputs carry a trigger, a third of them. */
  readonly trickster?: boolean
  /** For an hour every third call, whoever makes it, is of another kind. */
  readonly foreigners?: boolean
}

const dimensions = 12
const classes = 3

/** A classifier with twelve activations and three classes that forty people ask, and a dozen models that were asked a few times. */
export function activationExample(seed: string, { loud = false, trickster = false, foreigners = false }: Wishes): Event[] {
  const random = createRandom(`example/activation/${seed}`)
  const centres = Array.from({ length: classes }, () => Array.from({ length: dimensions }, () => 4 * random.uniform()))
  const call = (model: string, change: (at: number, index: number) => number): Partial<CallEvent> => {
    const label = random.uint32() % classes
    const vector = Float32Array.from(centres[label], (centre, at) => Math.max(0, centre + random.normal() + change(at, label)))
    return {
      operation: 'predict',
      model: { name: model, version: '1', digest: null, service: 'example-service', namespace: '', environment: 'production' },
      prediction: { label: `class-${label}`, confidence: null, margin: null, entropy: null },
      activation: { layer: 'penultimate', vector },
    }
  }
  const plain = (): number => 0
  const main = 'example-classifier'
  const callers: Caller[] = Array.from({ length: 40 }, (_, person) => ({
    id: `sender-${person}`,
    from: 0,
    to: 20,
    calls: 40,
    shape: () => call(main, plain),
  }))
  for (let other = 0; other < 12; other++) {
    callers.push({ id: 'sender-0', from: 0, to: 0.1, calls: 2, shape: () => call(`example-other-${other}`, plain) })
  }
  if (loud) callers.push({ id: 'sender-1', from: 19, to: 19.1, calls: 1, shape: () => call(main, (at) => (at % 2 === 0 ? 500 : 0)) })
  if (trickster) {
    const shape = (index: number) => call(main, index % 3 === 0 ? (at) => (at === 3 ? 9 : 0) : plain)
    callers.push({ id: 'trickster', from: 14, to: 20, calls: 90, shape })
  }
  if (foreigners) {
    for (let person = 0; person < 40; person += 2) {
      callers.push({ id: `sender-${person}`, from: 18, to: 19, calls: 2, shape: () => call(main, (at) => (at < 6 ? 5 : -3)) })
    }
  }
  return callsOf(callers, `activation/${seed}`)
}
