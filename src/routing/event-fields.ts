import type {
  CallEvent,
  Event,
  EventKind,
  Link,
  MetricPointEvent,
  ModelIdentity,
  Position,
  Principal,
  ToolCallEvent,
  TrainingSampleEvent,
  TrainingUpdateEvent,
} from '../telemetry/events.ts'
import { boolean, type Field, list, nullable, number, oneOf, struct, text, vector } from './fields.ts'

export const position = struct<Position>({ topic: text, epoch: text, partition: number, offset: number, index: number })

const kind = <K extends EventKind>(name: K): Field<K> => ({ write: () => {}, read: () => name })
const base = { position, time: number, service: text, environment: text }
const activation = nullable(struct<{ readonly layer: string; readonly vector: Float32Array }>({ layer: text, vector }))
const principal = nullable(
  struct<Principal>({ id: text, kind: nullable(oneOf('human', 'service', 'agent', 'connector')), source: text, lastResort: boolean }),
)

const call = struct<CallEvent>({
  kind: kind('call'),
  ...base,
  traceId: text,
  spanId: text,
  durationMicros: number,
  dialect: text,
  principal,
  credential: nullable(text),
  links: list(struct<Link>({ kind: text, value: text })),
  model: struct<ModelIdentity>({
    name: text,
    version: nullable(text),
    digest: nullable(text),
    service: text,
    namespace: text,
    environment: text,
  }),
  requestModel: nullable(text),
  provider: nullable(text),
  operation: text,
  tokens: struct<CallEvent['tokens']>({ input: nullable(number), output: nullable(number) }),
  request: struct<CallEvent['request']>({
    maxTokens: nullable(number),
    temperature: nullable(number),
    topP: nullable(number),
    logprobs: nullable(boolean),
    topLogprobs: nullable(number),
    logitBiasCount: nullable(number),
  }),
  prediction: nullable(
    struct<NonNullable<CallEvent['prediction']>>({
      label: nullable(text),
      confidence: nullable(number),
      margin: nullable(number),
      entropy: nullable(number),
    }),
  ),
  finishReason: nullable(text),
  error: boolean,
  errorType: nullable(text),
  stream: nullable(boolean),
  samplingRatio: nullable(number),
  fingerprint: nullable(text),
  skeleton: nullable(text),
  embedding: nullable(vector),
  activation,
  injectionScore: nullable(number),
  conversation: nullable(text),
  possibleDuplicate: boolean,
  content: nullable(text),
})

const toolCall = struct<ToolCallEvent>({
  kind: kind('toolCall'),
  ...base,
  traceId: text,
  spanId: text,
  durationMicros: number,
  principal,
  agent: nullable(text),
  tool: text,
  conversation: nullable(text),
  error: boolean,
  injectionScore: nullable(number),
})

const trainingSample = struct<TrainingSampleEvent>({
  kind: kind('trainingSample'),
  ...base,
  run: text,
  step: nullable(number),
  source: nullable(text),
  shard: nullable(text),
  shardDigest: nullable(text),
  sample: nullable(text),
  label: nullable(text),
  predicted: nullable(text),
  loss: nullable(number),
  activation,
})

const trainingUpdate = struct<TrainingUpdateEvent>({
  kind: kind('trainingUpdate'),
  ...base,
  run: text,
  round: nullable(number),
  client: text,
  norm: nullable(number),
  sketch: nullable(vector),
  samples: nullable(number),
})

const metricPoint = struct<MetricPointEvent>({
  kind: kind('metricPoint'),
  ...base,
  series: text,
  metric: text,
  unit: text,
  layer: nullable(text),
  pointKind: oneOf('gauge', 'sum', 'histogram'),
  monotonic: boolean,
  temporality: number,
  value: number,
  count: nullable(number),
})

const kinds = oneOf('call', 'toolCall', 'trainingSample', 'trainingUpdate', 'metricPoint')
const byKind = { call, toolCall, trainingSample, trainingUpdate, metricPoint } as { readonly [K in EventKind]: Field<Event> }

/** Every kind of event, whole. A field that an event gains does not compile until it stands here. */
export const event: Field<Event> = {
  write: (writer, value) => {
    kinds.write(writer, value.kind)
    byKind[value.kind].write(writer, value)
  },
  read: (reader) => byKind[kinds.read(reader)].read(reader),
}
