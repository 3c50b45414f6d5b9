import fc from 'fast-check'
import type { Observation } from '../../src/detection/observation.ts'
import type { Event, Subject } from '../../src/telemetry/events.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const number = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -0))
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null })
const vector = fc.float32Array({ maxLength: 20 })
const count = fc.nat()

const base = {
  position: fc.record({ topic: text, epoch: text, partition: count, offset: fc.maxSafeNat(), index: count }),
  time: number,
  service: text,
  environment: text,
}
const principal = maybe(
  fc.record({ id: text, kind: maybe(fc.constantFrom('human', 'service', 'agent', 'connector')), source: text, lastResort: fc.boolean() }),
)
const activation = maybe(fc.record({ layer: text, vector }))

const call = fc.record({
  kind: fc.constant('call'),
  ...base,
  traceId: text,
  spanId: text,
  durationMicros: number,
  dialect: text,
  principal,
  credential: maybe(text),
  links: fc.array(fc.record({ kind: text, value: text }), { maxLength: 3 }),
  model: fc.record({ name: text, version: maybe(text), digest: maybe(text), service: text, namespace: text, environment: text }),
  requestModel: maybe(text),
  provider: maybe(text),
  operation: text,
  tokens: fc.record({ input: maybe(number), output: maybe(number) }),
  request: fc.record({
    maxTokens: maybe(number),
    temperature: maybe(number),
    topP: maybe(number),
    logprobs: maybe(fc.boolean()),
    topLogprobs: maybe(number),
    logitBiasCount: maybe(number),
  }),
  prediction: maybe(fc.record({ label: maybe(text), confidence: maybe(number), margin: maybe(number), entropy: maybe(number) })),
  finishReason: maybe(text),
  error: fc.boolean(),
  errorType: maybe(text),
  stream: maybe(fc.boolean()),
  samplingRatio: maybe(number),
  fingerprint: maybe(text),
  skeleton: maybe(text),
  embedding: maybe(vector),
  activation,
  injectionScore: maybe(number),
  conversation: maybe(text),
  possibleDuplicate: fc.boolean(),
  content: maybe(text),
})
const toolCall = fc.record({
  kind: fc.constant('toolCall'),
  ...base,
  traceId: text,
  spanId: text,
  durationMicros: number,
  principal,
  agent: maybe(text),
  tool: text,
  conversation: maybe(text),
  error: fc.boolean(),
  injectionScore: maybe(number),
})
const trainingSample = fc.record({
  kind: fc.constant('trainingSample'),
  ...base,
  run: text,
  step: maybe(number),
  source: maybe(text),
  shard: maybe(text),
  shardDigest: maybe(text),
  sample: maybe(text),
  label: maybe(text),
  predicted: maybe(text),
  loss: maybe(number),
  activation,
})
const trainingUpdate = fc.record({
  kind: fc.constant('trainingUpdate'),
  ...base,
  run: text,
  round: maybe(number),
  client: text,
  norm: maybe(number),
  sketch: maybe(vector),
  samples: maybe(number),
})
const metricPoint = fc.record({
  kind: fc.constant('metricPoint'),
  ...base,
  series: text,
  metric: text,
  unit: text,
  layer: maybe(text),
  pointKind: fc.constantFrom('gauge', 'sum', 'histogram'),
  monotonic: fc.boolean(),
  temporality: count,
  value: number,
  count: maybe(number),
})

/** Any event of any kind, with every value that its type allows. */
export const anyEvent = fc.oneof(call, toolCall, trainingSample, trainingUpdate, metricPoint) as fc.Arbitrary<Event>

const subject = fc.record({ kind: fc.constantFrom('principal', 'cluster', 'run', 'series', 'fleet'), id: text }) as fc.Arbitrary<Subject>

export const anyObservation = fc.record(
  {
    time: number,
    detector: text,
    category: fc.constantFrom('extraction', 'poisoning', 'activation', 'signal', 'trust'),
    subject,
    members: fc.array(subject, { maxLength: 3 }),
    population: text,
    model: maybe(text),
    service: text,
    environment: text,
    run: maybe(text),
    score: number,
    pValue: maybe(number),
    ref: text,
    traceId: maybe(text),
    metric: maybe(text),
    events: count,
    firstSeen: number,
    lastSeen: number,
    samplingRatio: maybe(number),
    evidence: fc.dictionary(text, fc.oneof(text, number, fc.boolean(), fc.constant(null)), { noNullPrototype: true }),
    quietMicros: number,
    sketch: maybe(fc.uint8Array({ maxLength: 20 })),
  },
  {
    requiredKeys: [
      'time',
      'detector',
      'category',
      'subject',
      'members',
      'population',
      'model',
      'service',
      'environment',
      'run',
      'score',
      'pValue',
      'ref',
      'traceId',
      'metric',
      'events',
      'firstSeen',
      'lastSeen',
      'samplingRatio',
      'evidence',
      'sketch',
    ],
  },
) as fc.Arbitrary<Observation>

export const anyPosition = base.position
