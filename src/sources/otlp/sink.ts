import type { Signal } from '../../telemetry/otlp/records.ts'

/** One export request as it came in, decompressed, or what is kept of a refused one (see `refusalOf`). */
export interface ReceivedRecord {
  readonly signal: Signal
  /** Protobuf or JSON, told apart by the beginning. */
  readonly value: Uint8Array
  readonly headers: Readonly<Record<string, string>>
  /** Milliseconds since the epoch. */
  readonly receivedAt: number
  /** Records of one key go to one partition, where there are several. */
  readonly key?: string
}

/** The part of a request that the sink did not take, told to the sender as OTLP's `partial_success`. */
export interface PartialSuccess {
  /** Spans, data points or log records; 0 for a mere warning. */
  readonly rejected: number
  readonly message: string
}

/** Where received requests are made durable. */
export interface Sink {
  /**
   * Resolves once the record cannot be lost any more; the sender is told success only then. Rejects with TW_TELEMETRY_TOO_LARGE for what
   * it will never take, with anything else when the sender shall come again.
   */
  accept(record: ReceivedRecord): Promise<PartialSuccess | null>
}
