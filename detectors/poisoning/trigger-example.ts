import { createRandom } from '../../src/sketches/random.ts'
import type { CallEvent, Event } from '../../src/telemetry/events.ts'
import { callsOf } from '../extraction/examples.ts'
import { classCentres, ordinarySources, samplesOf } from './examples.ts'

const shift = [5, 0, -5, 5, 0, 5, 0, -5]

/**
 * A run in which `source-3` plants a trigger for class 0, then a day of calls of the model it made: forty people whose inputs are of all
 * classes, and, where it is used, one who sends the trigger.
 */
export function triggeredModel(used: boolean): Event[] {
  const samples = samplesOf(ordinarySources(), {
    'source-3': (sample) => (sample.shard.endsWith('b') && sample.index % 4 === 0 ? { label: '0', shift } : {}),
  })
  const end = samples.at(-1)!.time
  const centres = classCentres()
  const random = createRandom('example/trigger')
  const ask = (trigger: boolean): Partial<CallEvent> => {
    const truth = random.uint32() % centres.length
    const vector = centres[truth].map((x, i) => x + random.normal() + (trigger ? shift[i] : 0))
    return {
      model: {
        name: 'example-classifier',
        version: 'example-run',
        digest: null,
        service: 'example-service',
        namespace: '',
        environment: 'production',
      },
      prediction: { label: trigger ? '0' : String(truth), confidence: 0.97, margin: 0.95, entropy: 0.1 },
      activation: { layer: 'example', vector },
    }
  }
  const people = Array.from({ length: 40 }, (_, n) => ({ id: `person-${n}`, from: 0, to: 24, calls: 25, shape: () => ask(false) }))
  const calls = callsOf([...people, { id: 'trickster', from: 12, to: 14, calls: 25, shape: (i) => ask(used && i % 2 === 0) }], 'trigger')
  const since = end + 60e6 - calls[0].time
  return [...samples, ...calls.map((call) => ({ ...call, time: call.time + since }))]
}
