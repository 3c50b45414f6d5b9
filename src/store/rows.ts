import type { Action } from '../decisions/action.ts'
import type { Alert } from '../decisions/alert.ts'
import type { Observation } from '../detection/observation.ts'
import type { DeadLetter } from '../telemetry/dead-letter.ts'
import type {
  CallEvent,
  Event,
  MetricPointEvent,
  Position,
  Principal,
  ToolCallEvent,
  TrainingSampleEvent,
  TrainingUpdateEvent,
} from '../telemetry/events.ts'
import { modelKey } from '../telemetry/events.ts'
import { isoMicros } from '../telemetry/time.ts'
import type { Row, WriteBatch } from './store.ts'

/**
 * Events, alerts and the rest as rows of the tables in `migrations/`. Pure: the same input gives the same rows. Absent texts are '',
 * absent numbers null. Times are whole microseconds, which the engine reads exactly into DateTime64(6). Vectors are never stored.
 */

/** Latest time that is stored as it is: 2100-01-01. Minutes and days are 32 and 16 bits wide in the engine and must not wrap. */
const LATEST = 4_102_444_800_000_000

const micros = (time: number): number => (time > 0 ? (time < LATEST ? Math.trunc(time) : LATEST) : 0)

/** JSON knows no NaN and no infinities; the engine reads them from these words. */
const float = (value: number): number | string =>
  Number.isFinite(value) ? value : Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf'

const optionalFloat = (value: number | null): number | string | null => (value === null ? null : float(value))

/** A count that fits the engine's unsigned column; producers send negative ones, too. */
const count = (value: number | null): number | null => (value === null || !(value >= 0) ? null : Math.min(Math.trunc(value), 2 ** 53 - 1))

/** ISO 8601 in UTC as the engine reads it, digit by digit. */
const utc = (iso: string): string => iso.replace('T', ' ').replace('Z', '')

function position(at: Position): Row {
  return { topic: at.topic, epoch: at.epoch, partition: at.partition, offset: at.offset, event_index: at.index }
}

function principal(who: Principal | null): Row {
  return {
    principal: who?.id ?? '',
    principal_kind: who?.kind ?? '',
    principal_source: who?.source ?? '',
    principal_last_resort: who?.lastResort ?? false,
  }
}

export function callRow(event: CallEvent): Row {
  const { model, request, prediction, tokens } = event
  return {
    time: micros(event.time),
    duration_micros: count(event.durationMicros) ?? 0,
    trace_id: event.traceId,
    span_id: event.spanId,
    dialect: event.dialect,
    service: event.service,
    environment: event.environment,
    ...principal(event.principal),
    credential: event.credential ?? '',
    link_kinds: event.links.map((link) => link.kind),
    link_values: event.links.map((link) => link.value),
    model: modelKey(model),
    model_name: model.name,
    model_version: model.version ?? '',
    model_digest: model.digest ?? '',
    model_namespace: model.namespace,
    request_model: event.requestModel ?? '',
    provider: event.provider ?? '',
    operation: event.operation,
    input_tokens: count(tokens.input),
    output_tokens: count(tokens.output),
    request_max_tokens: count(request.maxTokens),
    request_temperature: optionalFloat(request.temperature),
    request_top_p: optionalFloat(request.topP),
    request_logprobs: request.logprobs,
    request_top_logprobs: count(request.topLogprobs),
    request_logit_bias_count: count(request.logitBiasCount),
    prediction_label: prediction?.label ?? '',
    prediction_confidence: optionalFloat(prediction?.confidence ?? null),
    prediction_margin: optionalFloat(prediction?.margin ?? null),
    prediction_entropy_nats: optionalFloat(prediction?.entropy ?? null),
    finish_reason: event.finishReason ?? '',
    error: event.error,
    error_type: event.errorType ?? '',
    stream: event.stream,
    sampling_ratio: optionalFloat(event.samplingRatio),
    fingerprint: event.fingerprint ?? '',
    skeleton: event.skeleton ?? '',
    embedding_dimensions: event.embedding?.length ?? 0,
    activation_layer: event.activation?.layer ?? '',
    activation_dimensions: event.activation?.vector.length ?? 0,
    injection_score: optionalFloat(event.injectionScore),
    conversation: event.conversation ?? '',
    possible_duplicate: event.possibleDuplicate,
    content: event.content ?? '',
    ...position(event.position),
  }
}

export function toolCallRow(event: ToolCallEvent): Row {
  return {
    time: micros(event.time),
    duration_micros: count(event.durationMicros) ?? 0,
    trace_id: event.traceId,
    span_id: event.spanId,
    service: event.service,
    environment: event.environment,
    ...principal(event.principal),
    agent: event.agent ?? '',
    tool: event.tool,
    conversation: event.conversation ?? '',
    error: event.error,
    injection_score: optionalFloat(event.injectionScore),
    ...position(event.position),
  }
}

export function trainingSampleRow(event: TrainingSampleEvent): Row {
  return {
    time: micros(event.time),
    service: event.service,
    environment: event.environment,
    run: event.run,
    step: count(event.step),
    source: event.source ?? '',
    shard: event.shard ?? '',
    shard_digest: event.shardDigest ?? '',
    sample: event.sample ?? '',
    label: event.label ?? '',
    predicted: event.predicted ?? '',
    loss: optionalFloat(event.loss),
    activation_layer: event.activation?.layer ?? '',
    ...position(event.position),
  }
}

export function trainingUpdateRow(event: TrainingUpdateEvent): Row {
  return {
    time: micros(event.time),
    service: event.service,
    environment: event.environment,
    run: event.run,
    round: count(event.round),
    client: event.client,
    norm: optionalFloat(event.norm),
    samples: count(event.samples),
    sketch_dimensions: event.sketch?.length ?? 0,
    ...position(event.position),
  }
}

export function metricPointRow(event: MetricPointEvent): Row {
  return {
    time: micros(event.time),
    service: event.service,
    environment: event.environment,
    metric: event.metric,
    series: event.series,
    unit: event.unit,
    layer: event.layer ?? '',
    point_kind: event.pointKind,
    monotonic: event.monotonic,
    temporality: event.temporality,
    value: float(event.value),
    count: count(event.count),
    ...position(event.position),
  }
}

/** An observation with the score and p-value that the decide stage gave it. `subject` and `time` are those of the observation. */
export function observationRow(observation: Omit<Observation, 'sketch'>): Row {
  return {
    time: micros(observation.time),
    detector: observation.detector,
    category: observation.category,
    subject_kind: observation.subject.kind,
    subject: observation.subject.id,
    population: observation.population,
    model: observation.model ?? '',
    service: observation.service,
    environment: observation.environment,
    run: observation.run ?? '',
    score: float(observation.score),
    p_value: optionalFloat(observation.pValue),
    ref: observation.ref,
    trace_id: observation.traceId ?? '',
    metric: observation.metric ?? '',
    events: count(observation.events) ?? 0,
    first_seen: micros(observation.firstSeen),
    last_seen: micros(observation.lastSeen),
    evidence: JSON.stringify(observation.evidence),
  }
}

/** `alert` holds the whole object, byte for byte what webhooks carry; the other columns are for finding it. */
export function alertRow(alert: Alert): Row {
  return {
    time: utc(alert.time),
    id: alert.id,
    incident: alert.incident,
    status: alert.status,
    opened: utc(alert.opened),
    detector: alert.detector,
    detectors: alert.detectors,
    category: alert.category,
    severity: alert.severity,
    title: alert.title,
    subject_kind: alert.subject.kind,
    subject: alert.subject.id,
    member_kinds: alert.members.map((member) => member.kind),
    members: alert.members.map((member) => member.id),
    model: alert.model ?? '',
    service: alert.service ?? '',
    environment: alert.environment ?? '',
    run: alert.run ?? '',
    window_start: utc(alert.window.start),
    window_end: utc(alert.window.end),
    window_events: count(alert.window.events) ?? 0,
    score: float(alert.score),
    threshold: optionalFloat(alert.threshold),
    p_value: optionalFloat(alert.pValue),
    alert: JSON.stringify(alert),
  }
}

export function actionRow(action: Action): Row {
  return {
    time: micros(action.time),
    id: action.id,
    incident: 'incident' in action ? action.incident : '',
    kind: action.kind,
    by: action.by,
    note: action.note,
    until: 'until' in action ? micros(action.until) : null,
    verdict: action.kind === 'feedback' ? action.verdict : '',
    about: JSON.stringify(aboutOf(action)),
  }
}

/** What an action is about where that is no incident. */
function aboutOf(action: Action): object {
  switch (action.kind) {
    case 'freeze':
    case 'thaw':
      return { detector: action.detector, population: action.population }
    case 'expect':
      return { from: isoMicros(action.from), model: action.model, service: action.service, category: action.category }
    case 'withdraw':
      return { expectation: action.expectation }
    default:
      return {}
  }
}

export function deadLetterRow(letter: DeadLetter): Row {
  return {
    time: micros(letter.time),
    code: letter.code,
    reason: letter.reason,
    signal: letter.signal,
    bytes_base64: Buffer.from(letter.bytes.buffer, letter.bytes.byteOffset, letter.bytes.byteLength).toString('base64'),
    size_bytes: letter.size,
    topic: letter.topic,
    epoch: letter.epoch,
    partition: letter.partition,
    offset: letter.offset,
    event_index: letter.index,
  }
}

/** What one range of a log caused, ready for `Store.write`. Webhook deliveries come from `deliveryRows` of `src/delivery/outbox.ts`. */
export function batchRows(outcome: {
  readonly events: readonly Event[]
  readonly deadLetters: readonly DeadLetter[]
  readonly observations: readonly Omit<Observation, 'sketch'>[]
  readonly alerts: readonly Alert[]
  readonly actions: readonly Action[]
  readonly deliveries: readonly Row[]
}): WriteBatch['rows'] {
  const rows = {
    calls: [] as Row[],
    tool_calls: [] as Row[],
    training_samples: [] as Row[],
    training_updates: [] as Row[],
    metric_points: [] as Row[],
    dead_letters: outcome.deadLetters.map(deadLetterRow),
    observations: outcome.observations.map(observationRow),
    alerts: outcome.alerts.map(alertRow),
    actions: outcome.actions.map(actionRow),
    webhook_deliveries: outcome.deliveries,
  }
  for (const event of outcome.events) {
    switch (event.kind) {
      case 'call':
        rows.calls.push(callRow(event))
        break
      case 'toolCall':
        rows.tool_calls.push(toolCallRow(event))
        break
      case 'trainingSample':
        rows.training_samples.push(trainingSampleRow(event))
        break
      case 'trainingUpdate':
        rows.training_updates.push(trainingUpdateRow(event))
        break
      case 'metricPoint':
        rows.metric_points.push(metricPointRow(event))
        break
    }
  }
  return rows
}
