import type {
  CallEvent,
  Event,
  EventKind,
  Link,
  MetricPointEvent,
  Principal,
  ToolCallEvent,
  TrainingSampleEvent,
  TrainingUpdateEvent,
} from '../telemetry/events.ts'

/** Rows of the store as the events that they were made from (`src/store/rows.ts`), as far as they carry them: vectors are not stored. */

/** A row as the engine gives it, `micros` being its time. */
export type StoredRow = Readonly<Record<string, unknown>> & {
  readonly micros: number
  readonly offset: number
  readonly event_index: number
}

/** Tables of events, with what makes an event of a row. */
export const eventTables: Readonly<Record<string, { readonly kind: EventKind; readonly event: (row: StoredRow) => Event }>> = {
  calls: { kind: 'call', event: callOf },
  tool_calls: { kind: 'toolCall', event: toolCallOf },
  training_samples: { kind: 'trainingSample', event: trainingSampleOf },
  training_updates: { kind: 'trainingUpdate', event: trainingUpdateOf },
  metric_points: { kind: 'metricPoint', event: metricPointOf },
}

/**
 * Detectors that see nothing in stored rows: what they look at (embeddings, activations, sketches of updates) is never stored. A test holds the list
 * to what each detector finds in its own example once that went through the tables.
 */
export const needVectors: readonly string[] = [
  'query-shift',
  'synthetic-queries',
  'activation-ood',
  'strange-inputs',
  'activation-shift',
  'backdoor-activation',
  'backdoor-trigger',
  'source-drift',
  'update-outlier',
  'sybil-updates',
]

const text = (value: unknown): string => String(value)
const orNull = (value: unknown): string | null => (value === '' ? null : String(value))
const numberOrNull = (value: unknown): number | null => (value === null ? null : Number(value))
const flagOrNull = (value: unknown): boolean | null => (value === null ? null : Boolean(value))

function common(row: StoredRow) {
  return {
    position: {
      topic: text(row.topic),
      epoch: text(row.epoch),
      partition: Number(row.partition),
      offset: row.offset,
      index: row.event_index,
    },
    time: row.micros,
    service: text(row.service),
    environment: text(row.environment),
  }
}

function principalOf(row: StoredRow): Principal | null {
  if (row.principal === '') return null
  return {
    id: text(row.principal),
    kind: orNull(row.principal_kind) as Principal['kind'],
    source: text(row.principal_source),
    lastResort: Boolean(row.principal_last_resort),
  }
}

function linksOf(row: StoredRow): Link[] {
  const values = row.link_values as readonly string[]
  return (row.link_kinds as readonly string[]).map((kind, at) => ({ kind, value: values[at]! }))
}

function predictionOf(row: StoredRow): CallEvent['prediction'] {
  const prediction = {
    label: orNull(row.prediction_label),
    confidence: numberOrNull(row.prediction_confidence),
    margin: numberOrNull(row.prediction_margin),
    entropy: numberOrNull(row.prediction_entropy_nats),
  }
  return Object.values(prediction).every((value) => value === null) ? null : prediction
}

function callOf(row: StoredRow): CallEvent {
  return {
    kind: 'call',
    ...common(row),
    traceId: text(row.trace_id),
    spanId: text(row.span_id),
    durationMicros: Number(row.duration_micros),
    dialect: text(row.dialect),
    principal: principalOf(row),
    credential: orNull(row.credential),
    links: linksOf(row),
    model: {
      name: text(row.model_name),
      version: orNull(row.model_version),
      digest: orNull(row.model_digest),
      service: text(row.service),
      namespace: text(row.model_namespace),
      environment: text(row.environment),
    },
    requestModel: orNull(row.request_model),
    provider: orNull(row.provider),
    operation: text(row.operation),
    tokens: { input: numberOrNull(row.input_tokens), output: numberOrNull(row.output_tokens) },
    request: {
      maxTokens: numberOrNull(row.request_max_tokens),
      temperature: numberOrNull(row.request_temperature),
      topP: numberOrNull(row.request_top_p),
      logprobs: flagOrNull(row.request_logprobs),
      topLogprobs: numberOrNull(row.request_top_logprobs),
      logitBiasCount: numberOrNull(row.request_logit_bias_count),
    },
    prediction: predictionOf(row),
    finishReason: orNull(row.finish_reason),
    error: Boolean(row.error),
    errorType: orNull(row.error_type),
    stream: flagOrNull(row.stream),
    samplingRatio: numberOrNull(row.sampling_ratio),
    fingerprint: orNull(row.fingerprint),
    skeleton: orNull(row.skeleton),
    embedding: null,
    activation: null,
    injectionScore: numberOrNull(row.injection_score),
    conversation: orNull(row.conversation),
    possibleDuplicate: Boolean(row.possible_duplicate),
    content: orNull(row.content),
  }
}

function toolCallOf(row: StoredRow): ToolCallEvent {
  return {
    kind: 'toolCall',
    ...common(row),
    traceId: text(row.trace_id),
    spanId: text(row.span_id),
    durationMicros: Number(row.duration_micros),
    principal: principalOf(row),
    agent: orNull(row.agent),
    tool: text(row.tool),
    conversation: orNull(row.conversation),
    error: Boolean(row.error),
    injectionScore: numberOrNull(row.injection_score),
  }
}

function trainingSampleOf(row: StoredRow): TrainingSampleEvent {
  return {
    kind: 'trainingSample',
    ...common(row),
    run: text(row.run),
    step: numberOrNull(row.step),
    source: orNull(row.source),
    shard: orNull(row.shard),
    shardDigest: orNull(row.shard_digest),
    sample: orNull(row.sample),
    label: orNull(row.label),
    predicted: orNull(row.predicted),
    loss: numberOrNull(row.loss),
    activation: null,
  }
}

function trainingUpdateOf(row: StoredRow): TrainingUpdateEvent {
  return {
    kind: 'trainingUpdate',
    ...common(row),
    run: text(row.run),
    round: numberOrNull(row.round),
    client: text(row.client),
    norm: numberOrNull(row.norm),
    sketch: null,
    samples: numberOrNull(row.samples),
  }
}

function metricPointOf(row: StoredRow): MetricPointEvent {
  return {
    kind: 'metricPoint',
    ...common(row),
    series: text(row.series),
    metric: text(row.metric),
    unit: text(row.unit),
    layer: orNull(row.layer),
    pointKind: text(row.point_kind) as MetricPointEvent['pointKind'],
    monotonic: Boolean(row.monotonic),
    temporality: Number(row.temporality),
    // JSON has no words for what is not finite.
    value: row.value === null ? notFinite(text(row.value_text)) : Number(row.value),
    count: numberOrNull(row.count),
  }
}

function notFinite(word: string): number {
  return word === 'inf' ? Number.POSITIVE_INFINITY : word === '-inf' ? Number.NEGATIVE_INFINITY : Number.NaN
}
