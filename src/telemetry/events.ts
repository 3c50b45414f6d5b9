/**
 * The typed events that telemetry becomes. They are what is routed, detected on and stored; no prompt text is in them.
 * Times are microseconds since the epoch (UTC). Absent values are null.
 */

export type Category = 'extraction' | 'poisoning' | 'activation' | 'signal' | 'trust'

export type SubjectKind =
  | 'principal'
  | 'credential'
  | 'cluster'
  | 'source'
  | 'shard'
  | 'client'
  | 'run'
  | 'model'
  | 'layer'
  | 'series'
  | 'service'
  | 'fleet'

export interface Subject {
  readonly kind: SubjectKind
  readonly id: string
}

/** Where a record of a log stands, and which event of it this is. Total order within a partition; receivers drop what they have seen. */
export interface Position {
  readonly topic: string
  /** Distinguishes a topic from one of the same name that was deleted and created again. */
  readonly epoch: string
  readonly partition: number
  readonly offset: number
  readonly index: number
}

export interface Principal {
  /** As configured a keyed hash (`h-` and 24 hex digits) or the clear id. */
  readonly id: string
  readonly kind: 'human' | 'service' | 'agent' | 'connector' | null
  /** The attribute that won, for example `user.id`. */
  readonly source: string
  /** True for session and conversation ids: counts per principal mean little. */
  readonly lastResort: boolean
}

/** What accounts of one operator may share: `net` (/24 or /48), `agent` (user agent), `credential`, `identity` names not chosen, and `tidewatch.link.*`. */
export interface Link {
  readonly kind: string
  readonly value: string
}

export interface ModelIdentity {
  readonly name: string
  readonly version: string | null
  readonly digest: string | null
  readonly service: string
  readonly namespace: string
  readonly environment: string
}

interface EventBase {
  readonly position: Position
  readonly time: number
  readonly service: string
  readonly environment: string
}

export interface CallEvent extends EventBase {
  readonly kind: 'call'
  readonly traceId: string
  readonly spanId: string
  readonly durationMicros: number
  readonly dialect: string
  readonly principal: Principal | null
  /** The authenticated credential's (hashed) id, where the telemetry tells it. */
  readonly credential: string | null
  readonly links: readonly Link[]
  readonly model: ModelIdentity
  readonly requestModel: string | null
  readonly provider: string | null
  /** chat, text_completion, generate_content, embeddings, predict. */
  readonly operation: string
  readonly tokens: { readonly input: number | null; readonly output: number | null }
  readonly request: {
    readonly maxTokens: number | null
    readonly temperature: number | null
    readonly topP: number | null
    readonly logprobs: boolean | null
    readonly topLogprobs: number | null
    readonly logitBiasCount: number | null
  }
  readonly prediction: {
    readonly label: string | null
    readonly confidence: number | null
    readonly margin: number | null
    readonly entropy: number | null
  } | null
  readonly finishReason: string | null
  readonly error: boolean
  readonly errorType: string | null
  readonly stream: boolean | null
  /** Share of calls that is traced, in (0, 1]; null where nobody said. */
  readonly samplingRatio: number | null
  /** 16 hex digits each. */
  readonly fingerprint: string | null
  readonly skeleton: string | null
  readonly embedding: Float32Array | null
  readonly activation: { readonly layer: string; readonly vector: Float32Array } | null
  /** The producer's own prompt-injection score in 0..1. */
  readonly injectionScore: number | null
  readonly conversation: string | null
  /** True where a parent or child of the same call may have been counted besides. */
  readonly possibleDuplicate: boolean
  /** Kept only when the user keeps content on purpose. */
  readonly content: string | null
}

export interface ToolCallEvent extends EventBase {
  readonly kind: 'toolCall'
  readonly traceId: string
  readonly spanId: string
  readonly durationMicros: number
  readonly principal: Principal | null
  readonly agent: string | null
  readonly tool: string
  readonly conversation: string | null
  readonly error: boolean
  readonly injectionScore: number | null
}

export interface TrainingSampleEvent extends EventBase {
  readonly kind: 'trainingSample'
  readonly run: string
  readonly step: number | null
  readonly source: string | null
  readonly shard: string | null
  readonly shardDigest: string | null
  readonly sample: string | null
  readonly label: string | null
  readonly predicted: string | null
  readonly loss: number | null
  readonly activation: { readonly layer: string; readonly vector: Float32Array } | null
}

export interface TrainingUpdateEvent extends EventBase {
  readonly kind: 'trainingUpdate'
  readonly run: string
  readonly round: number | null
  readonly client: string
  readonly norm: number | null
  readonly sketch: Float32Array | null
  readonly samples: number | null
}

export interface MetricPointEvent extends EventBase {
  readonly kind: 'metricPoint'
  /** `name{k=v,...}` with sorted attributes, no braces when there are none. */
  readonly series: string
  readonly metric: string
  readonly unit: string
  readonly layer: string | null
  readonly pointKind: 'gauge' | 'sum' | 'histogram'
  readonly monotonic: boolean
  readonly temporality: number
  /** May be NaN or infinite. */
  readonly value: number
  readonly count: number | null
}

export type Event = CallEvent | ToolCallEvent | TrainingSampleEvent | TrainingUpdateEvent | MetricPointEvent
export type EventKind = Event['kind']

/** Name of a model with all that makes it another one: `environment/namespace/service/name`. */
export function modelKey(model: ModelIdentity): string {
  return `${model.environment}/${model.namespace}/${model.service}/${model.name}`
}
