import { BoundedCache } from './bounded-cache.ts'
import { F } from './dialects.ts'
import { type Draft, flagOf, has, numberOf, put, rawOf, textOf } from './draft.ts'
import type { CallEvent, ModelIdentity, Position, ToolCallEvent } from './events.ts'
import { normaliseProvider } from './provider.ts'
import { count, type Tally } from './tally.ts'
import { embeddingOf } from './text/embedding.ts'
import { fingerprintOf } from './text/fingerprint.ts'
import { skeletonOf } from './text/skeleton.ts'
import { userText } from './text/user-text.ts'
import { parseVector } from './vector.ts'
import type { Identifier } from './who.ts'

export interface CallLimits {
  readonly maxVectorLength: number
  readonly keepContent: boolean
  readonly embeddingDimensions: number
}

const hex16 = /^[0-9a-f]{16}$/i
const noRequest: CallEvent['request'] = {
  maxTokens: null,
  temperature: null,
  topP: null,
  logprobs: null,
  topLogprobs: null,
  logitBiasCount: null,
}

/** Makes events of drafts that are complete. */
export class CallWriter {
  readonly #identifier: Identifier
  readonly #limits: CallLimits
  readonly #providers = new BoundedCache<string>(256)
  /** Length of the last vector of a model, to notice when it changes. Bounded; for the counter only. */
  readonly #lengths = new BoundedCache<{ length: number }>(1024)

  constructor(identifier: Identifier, limits: CallLimits) {
    this.#identifier = identifier
    this.#limits = limits
  }

  call(draft: Draft, position: Position, possibleDuplicate: boolean, clamped: Tally): CallEvent {
    const { origin } = draft
    const { principal, credential, links } = this.#identifier.who(draft, clamped)
    const provider = textOf(draft, F.provider)
    const conversation = textOf(draft, F.conversation)
    const errorType = textOf(draft, F.errorType) ?? textOf(draft, F.errorCode)
    const error = draft.failed || errorType !== null || textOf(draft, F.errorLevel) === 'ERROR'
    const reason = textOf(draft, F.finishReason)
    this.settle(draft, clamped)
    const event: CallEvent = {
      kind: 'call',
      position,
      time: draft.time,
      service: origin.service,
      environment: origin.environment,
      traceId: draft.traceId,
      spanId: draft.spanId,
      durationMicros: durationOf(draft, clamped),
      dialect: draft.dialect,
      principal,
      credential,
      links,
      model: this.#model(draft, clamped),
      requestModel: textOf(draft, F.requestModel),
      provider: provider === null ? null : this.#providers.get(provider, normaliseProvider),
      operation: draft.operation,
      tokens: { input: numberOf(draft, F.inputTokens), output: numberOf(draft, F.outputTokens) },
      request: requestOf(draft),
      prediction: predictionOf(draft),
      finishReason: reason === null ? null : reason.toLowerCase().replaceAll('-', '_'),
      error,
      errorType: error ? errorType : null,
      stream: streamOf(draft),
      samplingRatio: samplingOf(draft, clamped),
      fingerprint: textOf(draft, F.fingerprint),
      skeleton: textOf(draft, F.skeleton),
      embedding: (rawOf(draft, F.embedding) as Float32Array | undefined) ?? null,
      activation: activationOf(draft, clamped),
      injectionScore: scoreOf(draft, clamped),
      conversation: conversation === null ? null : this.#identifier.pseudonym(conversation),
      possibleDuplicate,
      content: draft.text,
    }
    if (event.embedding !== null || event.activation !== null) this.#watchLengths(event, clamped)
    return event
  }

  toolCall(draft: Draft, position: Position, clamped: Tally): ToolCallEvent {
    const conversation = textOf(draft, F.conversation)
    return {
      kind: 'toolCall',
      position,
      time: draft.time,
      service: draft.origin.service,
      environment: draft.origin.environment,
      traceId: draft.traceId,
      spanId: draft.spanId,
      durationMicros: durationOf(draft, clamped),
      principal: this.#identifier.principal(draft, clamped),
      agent: textOf(draft, F.agent),
      tool: textOf(draft, F.tool) ?? draft.spanName,
      conversation: conversation === null ? null : this.#identifier.pseudonym(conversation),
      error: draft.failed || has(draft, F.errorType),
      injectionScore: scoreOf(draft, clamped),
    }
  }

  #model(draft: Draft, clamped: Tally): ModelIdentity {
    const { service, namespace, environment } = draft.origin
    let name = textOf(draft, F.responseModel) ?? textOf(draft, F.requestModel) ?? textOf(draft, F.tritonModel)
    if (name === null) {
      // vLLM names no model; a service that serves one is named by it.
      count(clamped, 'model_from_service')
      name = service === '' ? 'unknown' : service
    }
    const version = textOf(draft, F.modelVersion) ?? textOf(draft, F.tritonVersion)
    return { name, version, digest: textOf(draft, F.modelDigest), service, namespace, environment }
  }

  /**
   * Settles what stands for the input and what else is large: vectors are parsed, text becomes a fingerprint, a skeleton and an embedding where
   * the telemetry sends none, and is dropped (unless it is kept on purpose). Done once, before a draft waits or is joined with another.
   */
  settle(draft: Draft, clamped: Tally): void {
    if (draft.settled) return
    draft.settled = true
    const { maxVectorLength, keepContent, embeddingDimensions } = this.#limits
    if (has(draft, F.embedding)) put(draft, F.embedding, parseVector(rawOf(draft, F.embedding), maxVectorLength, clamped))
    if (has(draft, F.activationVector))
      put(draft, F.activationVector, parseVector(rawOf(draft, F.activationVector), maxVectorLength, clamped))
    if (has(draft, F.fingerprint)) put(draft, F.fingerprint, hexOf(draft, F.fingerprint, clamped))
    if (has(draft, F.skeleton)) put(draft, F.skeleton, hexOf(draft, F.skeleton, clamped))
    if (draft.content.length === 0) return
    const complete = has(draft, F.fingerprint) && has(draft, F.embedding)
    const text = complete && !keepContent ? null : userText(draft.content)
    draft.content = []
    if (text === null) return
    if (!has(draft, F.fingerprint)) put(draft, F.fingerprint, fingerprintOf(text))
    if (!has(draft, F.skeleton)) put(draft, F.skeleton, skeletonOf(text))
    if (!has(draft, F.embedding)) put(draft, F.embedding, embeddingOf(text, embeddingDimensions))
    if (keepContent) draft.text = text
  }

  #watchLengths(event: CallEvent, clamped: Tally): void {
    for (const [kind, vector] of [
      ['embedding', event.embedding],
      [`activation ${event.activation?.layer}`, event.activation?.vector],
    ] as const) {
      if (vector === null || vector === undefined) continue
      const last = this.#lengths.get(`${event.environment}/${event.service}/${event.model.name}/${kind}`, () => ({ length: vector.length }))
      if (last.length !== vector.length) count(clamped, 'vector_length_changed')
      last.length = vector.length
    }
  }
}

/** The activation that a settled record carries; counts `activation_without_layer`. */
export function activationOf(draft: Draft, clamped: Tally): CallEvent['activation'] {
  const vector = rawOf(draft, F.activationVector) as Float32Array | undefined
  if (vector === undefined) return null
  const layer = textOf(draft, F.activationLayer)
  if (layer !== null) return { layer, vector }
  count(clamped, 'activation_without_layer')
  return null
}

function durationOf(draft: Draft, clamped: Tally): number {
  const duration = draft.endMicros - draft.startMicros
  if (duration >= 0 && draft.startMicros > 0 && Number.isFinite(duration)) return duration
  count(clamped, 'duration')
  return 0
}

function requestOf(draft: Draft): CallEvent['request'] {
  const maxTokens = numberOf(draft, F.maxTokens)
  const temperature = numberOf(draft, F.temperature)
  const topP = numberOf(draft, F.topP)
  const logprobs = flagOf(draft, F.logprobs)
  const topLogprobs = numberOf(draft, F.topLogprobs)
  const logitBiasCount = numberOf(draft, F.logitBiasCount)
  if (maxTokens === null && temperature === null && topP === null && logprobs === null && topLogprobs === null && logitBiasCount === null)
    return noRequest
  return { maxTokens, temperature, topP, logprobs, topLogprobs, logitBiasCount }
}

function predictionOf(draft: Draft): CallEvent['prediction'] {
  const label = textOf(draft, F.label)
  const confidence = numberOf(draft, F.confidence)
  const margin = numberOf(draft, F.margin)
  const entropy = numberOf(draft, F.entropy)
  return label === null && confidence === null && margin === null && entropy === null ? null : { label, confidence, margin, entropy }
}

/** Vercel tells by the name of the operation whether the answer was streamed. */
function streamOf(draft: Draft): boolean | null {
  const stream = flagOf(draft, F.stream)
  if (stream !== null) return stream
  const operation = textOf(draft, F.vercelOperation)
  return operation === null ? null : operation.endsWith('.doStream')
}

function samplingOf(draft: Draft, clamped: Tally): number | null {
  const ratio = numberOf(draft, F.samplingRatio) ?? draft.origin.samplingRatio
  if (ratio === null || (ratio > 0 && ratio <= 1)) return ratio
  count(clamped, 'sampling_ratio')
  return null
}

function scoreOf(draft: Draft, clamped: Tally): number | null {
  const score = numberOf(draft, F.injectionScore)
  if (score === null || (score >= 0 && score <= 1)) return score
  count(clamped, 'injection_score')
  return score < 0 ? 0 : 1
}

function hexOf(draft: Draft, field: number, clamped: Tally): string | null {
  const text = textOf(draft, field)
  if (text === null || hex16.test(text)) return text === null ? null : text.toLowerCase()
  count(clamped, 'input_hash')
  return null
}
