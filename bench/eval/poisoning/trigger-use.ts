import { callsOf } from '../../../detectors/extraction/examples.ts'
import { createRandom } from '../../../src/sketches/random.ts'
import type { CallEvent, Event } from '../../../src/telemetry/events.ts'
import type { Digits } from './drawn-digits.ts'
import type { Poison, SampleRun } from './sample-runs.ts'
import { blended, patched } from './triggers.ts'

/** A run, then a day of calls of its model; `uses` are the places of calls with the trigger. Where nothing is planted, the trickster sends ordinary digits. */
export function triggerUse(run: SampleRun, poison: Poison | null, digits: Digits): { events: Event[]; uses: number[] } {
  const random = createRandom(`${run.name}/calls`)
  const triggered = new Set<string>()
  const ask = (name: string, index: number, isTriggered: boolean): Partial<CallEvent> => {
    const plain = digits.draw(random.uint32() % 10, { slant: 0.1 + 0.1 * random.normal(), stroke: 0.1 }, random)
    const isBlend = poison?.kind.toLowerCase().endsWith('blend') === true
    const picture = !isTriggered ? plain : isBlend ? blended(plain, run.pattern, poison?.strength ?? 0.2) : patched(plain, digits.side)
    const { activation, probabilities } = run.network.ask(picture)
    const order = [...probabilities].sort((a, b) => b - a)
    const spanId = `${name}-${index}`
    if (isTriggered) triggered.add(spanId)
    return {
      spanId,
      environment: 'evaluation',
      model: { name: 'digits', version: run.name, digest: null, service: 'digits', namespace: '', environment: 'evaluation' },
      prediction: { label: String(probabilities.indexOf(order[0]!)), confidence: order[0]!, margin: order[0]! - order[1]!, entropy: null },
      activation: { layer: 'penultimate', vector: activation },
    }
  }
  const callers = Array.from({ length: 40 }, (_, n) => ({
    id: `person-${n}`,
    from: 0,
    to: 24,
    calls: 25,
    shape: (index: number) => ask(`person-${n}`, index, false),
  }))
  const trickster = {
    id: 'trickster',
    from: 12,
    to: 14,
    calls: 30,
    shape: (i: number) => ask('trickster', i, poison !== null && i % 2 === 0),
  }
  const calls = callsOf([...callers, trickster], run.name)
  const since = run.events.at(-1)!.time + 60e6 - calls[0]!.time
  const events = [...run.events, ...calls.map((call) => ({ ...call, time: call.time + since }))]
  const uses = [...events.keys()].filter((at) => triggered.has((events[at] as CallEvent).spanId))
  return { events, uses }
}
