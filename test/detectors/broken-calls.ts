import fc from 'fast-check'
import { callsOf } from '../../detectors/extraction/examples.ts'
import type { CallEvent, Event } from '../../src/telemetry/events.ts'

const number = fc.oneof(
  fc.constantFrom(null, 0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300),
  fc.integer({ min: 0, max: 4096 }),
)
const vector = fc.oneof(
  fc.constant(null),
  fc
    .tuple(fc.constantFrom(0, 1, 8, 32, 96, 200), fc.float({ noDefaultInfinity: false, noNaN: false }))
    .map(([length, value]) => new Float32Array(length).fill(value)),
)
const hash = fc.constantFrom(null, '', '0123456789abcdef', 'ffffffffffffffff')

const shape: fc.Arbitrary<Partial<CallEvent>> = fc.record({
  principal: fc.constantFrom(
    null,
    { id: 'a', kind: null, source: 'user.id', lastResort: false },
    { id: '', kind: null, source: 'session.id', lastResort: true },
  ),
  credential: fc.constantFrom(null, 'key'),
  fingerprint: hash,
  skeleton: hash,
  embedding: vector,
  activation: vector.chain((one) =>
    one === null ? fc.constant(null) : fc.record({ layer: fc.constantFrom('', 'penultimate'), vector: fc.constant(one) }),
  ),
  prediction: fc.oneof(
    fc.constant(null),
    fc.record({ label: fc.constantFrom(null, '', 'a', 'b'), confidence: number, margin: number, entropy: number }),
  ),
  samplingRatio: fc.constantFrom(null, 0.001, 1),
  request: fc.record({
    maxTokens: number,
    temperature: number,
    topP: number,
    logprobs: fc.constantFrom(null, true, false),
    topLogprobs: number,
    logitBiasCount: number,
  }),
  tokens: fc.record({ input: number, output: number }),
})

/** Streams of calls in which anything may be missing or absurd, and times may go back. */
export const brokenCalls: fc.Arbitrary<Event[]> = fc
  .array(fc.tuple(shape, fc.integer({ min: -3_600_000_000, max: 7_200_000_000 })), { minLength: 1, maxLength: 60 })
  .map((changes) => {
    const plain = callsOf([{ id: 'a', from: 80, to: 90, calls: changes.length }], 'broken') as CallEvent[]
    return plain.map((call, index) => ({ ...call, ...changes[index][0], time: call.time + changes[index][1] }))
  })
