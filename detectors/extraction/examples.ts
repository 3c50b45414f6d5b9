import { createRandom } from '../../src/sketches/random.ts'
import type { CallEvent, Event } from '../../src/telemetry/events.ts'

/** What one caller of an example stream does. Times are hours from the start of the stream. */
export interface Caller {
  readonly id: string
  readonly from: number
  readonly to: number
  readonly calls: number
  /** Changes what a call looks like; `index` counts the caller's calls. */
  readonly shape?: (index: number) => Partial<CallEvent>
}

const start = Date.UTC(2026, 0, 5) * 1000
const hour = 3.6e9

/** A stream of calls on one model, in time order, the same on every run. Calls of a caller are spread at random over its time. */
export function callsOf(callers: readonly Caller[], seed: string): Event[] {
  const random = createRandom(`example/${seed}`)
  const calls: CallEvent[] = []
  for (const caller of callers) {
    for (let index = 0; index < caller.calls; index++) {
      const time = start + Math.floor((caller.from + (caller.to - caller.from) * random.uniform()) * hour)
      calls.push({ ...plainCall(caller.id, index, time), ...caller.shape?.(index) })
    }
  }
  calls.sort((a, b) => a.time - b.time || (a.spanId < b.spanId ? -1 : 1))
  return calls.map((call, offset) => ({ ...call, position: { ...call.position, offset } }))
}

/**
 * Sixty people over three days, each with an activity of its own (log-normal, a few calls to a hundred) in two sessions a day.
 */
export function ordinaryPeople(seed: string, shape?: (person: number) => Caller['shape']): Caller[] {
  const random = createRandom(`people/${seed}`)
  const callers: Caller[] = []
  for (let person = 0; person < 60; person++) {
    const activity = Math.exp(1 + 0.8 * random.normal())
    for (let day = 0; day < 3; day++) {
      for (const session of [8, 14]) {
        const from = 24 * day + session + 3 * random.uniform()
        const calls = Math.min(60, Math.round(activity * (0.5 + random.uniform())))
        const own = shape?.(person)
        callers.push({ id: `person-${person}`, from, to: from + 1.5, calls, ...(own === undefined ? {} : { shape: own }) })
      }
    }
  }
  return callers
}

function plainCall(principal: string, index: number, time: number): CallEvent {
  const id = `${principal}/${time}/${index}`
  return {
    kind: 'call',
    position: { topic: 'example', epoch: '0', partition: 0, offset: 0, index: 0 },
    time,
    service: 'example-service',
    environment: 'production',
    traceId: hex(id, 32),
    spanId: hex(id, 16),
    durationMicros: 800_000,
    dialect: 'genai',
    principal: { id: principal, kind: null, source: 'user.id', lastResort: false },
    credential: null,
    links: [],
    model: { name: 'example-chat', version: null, digest: null, service: 'example-service', namespace: '', environment: 'production' },
    requestModel: 'example-chat',
    provider: 'example',
    operation: 'chat',
    tokens: { input: 40, output: 120 },
    request: { maxTokens: 512, temperature: 0.7, topP: null, logprobs: null, topLogprobs: null, logitBiasCount: null },
    prediction: null,
    finishReason: 'stop',
    error: false,
    errorType: null,
    stream: false,
    samplingRatio: null,
    fingerprint: hex(`input/${id}`, 16),
    skeleton: null,
    embedding: null,
    activation: null,
    injectionScore: null,
    conversation: null,
    possibleDuplicate: false,
    content: null,
  }
}

function hex(seed: string, digits: number): string {
  const random = createRandom(seed)
  let text = ''
  while (text.length < digits) text += random.uint32().toString(16).padStart(8, '0')
  return text.slice(0, digits)
}
