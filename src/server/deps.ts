import type { WebhookConfig } from '../config/schema.ts'
import type { Action } from '../decisions/action.ts'
import type { TargetState } from '../delivery/dispatcher.ts'
import type { Replayed, Selection } from '../delivery/replay.ts'
import type { Answered } from '../delivery/test-alert.ts'
import type { PartitionLag } from '../sources/source.ts'
import type { Store } from '../store/store.ts'
import type { Pseudonym } from '../telemetry/hasher.ts'
import type { Signal } from '../telemetry/otlp/records.ts'
import type { AlertFeed } from './feed.ts'
import type { DecisionsStatus } from './readiness.ts'

/** Why something is not as it should be. `blocking` ones make `/readyz` answer 503; the others are only told. */
export interface Problem {
  /** `kafka`, `otlp`, `store`, ... */
  readonly component: string
  readonly reason: string
  readonly blocking: boolean
}

/** Where the pipeline is. Counts are since the start of the process. */
export interface PipelineStatus {
  readonly records: number
  readonly events: number
  readonly alerts: number
  readonly deadLetters: number
  /** Event time up to which the log has come, microseconds; null before the first event. */
  readonly watermark: number | null
  readonly lag: readonly PartitionLag[]
  readonly problems: readonly Problem[]
}

export interface DetectorSummary {
  readonly name: string
  readonly category: string
  readonly version: number
  readonly title: string
  readonly consumes: readonly string[]
  readonly enabled: boolean
}

/** A dead letter that goes into the log again: its id and all its bytes. */
export interface Resent {
  readonly letter: string
  readonly signal: Signal
  readonly value: Uint8Array
}

/** What the server shows and does. It changes nothing itself: what people do becomes a record of the log. */
export interface ServerDeps {
  readonly version: string
  readonly store: Pick<Store, 'engine' | 'query' | 'insert' | 'ping'>
  /** Asked every second: must be cheap. */
  readonly status: () => PipelineStatus
  readonly alerts: AlertFeed
  readonly detectors: readonly DetectorSummary[]
  /** Budget and warm-up, as the decide stage has them. */
  readonly decisions: () => DecisionsStatus
  /** Where telemetry comes in, for people: `http://127.0.0.1:4318`, `grpc://127.0.0.1:4317`, `Kafka topics otlp_spans, ...`. Read at every request. */
  readonly inputs: () => readonly string[]
  readonly webhooks: () => readonly TargetState[]
  readonly receivers: readonly WebhookConfig[]
  /** Sends a test to a receiver; null where there is none of that name. */
  readonly testWebhook: (name: string) => Promise<readonly Answered[] | null>
  /** Sends settled deliveries again, with their ids and bodies. */
  readonly replayWebhooks: (selection: Selection) => Promise<readonly Replayed[]>
  /** Writes an action into the log. Resolves once it cannot be lost any more. */
  readonly act: (action: Action) => Promise<void>
  /** Writes the bytes of a dead letter into the log again. Resolves once they cannot be lost any more. */
  readonly resend: (again: Resent) => Promise<void>
  /** Copies store and state into a folder (an absolute path), at one point. */
  readonly backup: (directory: string) => Promise<{ readonly time: string; readonly version: string; readonly files: object }>
  /** What is stored of an identity. */
  readonly pseudonym: Pseudonym
  /** The configuration as it runs, as YAML, secrets hidden. */
  readonly settings: () => string
  /** Prometheus text format. */
  readonly metrics: () => Promise<string>
}
