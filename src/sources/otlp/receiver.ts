import type { ErrorCode } from '../../errors.ts'
import { errorCode } from '../../errors.ts'
import type { Signal } from '../../telemetry/otlp/records.ts'
import { refusalHeaders } from '../refusal.ts'
import { type Encoding, findFault } from './check.ts'
import type { PartialSuccess, Sink } from './sink.ts'

/** What the sender is told, whatever the transport. Times are seconds. */
export type Answer =
  | { readonly kind: 'accepted'; readonly partial: PartialSuccess | null }
  | { readonly kind: 'malformed' | 'tooLarge'; readonly reason: string }
  | { readonly kind: 'busy' | 'unavailable'; readonly reason: string; readonly retryAfter: number }

export interface ReceiverOptions {
  /** Requests in work at once over all transports, from the first byte of the body to the answer. */
  readonly maxInFlight: number
  /** Bytes of a refused request that are kept. */
  readonly keepBytes: number
  /** Told why a request could not be made durable, so that it is logged. */
  readonly onFailure?: (error: Error) => void
}

const TRUST_HEADERS = ['tidewatch-key-id', 'tidewatch-sequence', 'tidewatch-signature']

/** SDKs give an export up after some 10 seconds, so they are asked to come again soon. */
const BUSY_RETRY_S = 1
const UNAVAILABLE_RETRY_S = 3

/** What both transports share: admission, a first look at the bytes, the sink, and how its errors are told. */
export class OtlpReceiver {
  private readonly sink: Sink
  private readonly options: ReceiverOptions
  private inFlight = 0

  constructor(sink: Sink, options: ReceiverOptions) {
    this.sink = sink
    this.options = options
  }

  /** Does the work of one request if there is room for one more. */
  async admit(work: () => Promise<Answer>): Promise<Answer> {
    if (this.inFlight >= this.options.maxInFlight) {
      return { kind: 'busy', reason: `${this.inFlight} requests are in work`, retryAfter: BUSY_RETRY_S }
    }
    this.inFlight++
    try {
      return await work()
    } finally {
      this.inFlight--
    }
  }

  /** Makes a whole request durable. One that is malformed goes into the log, too, for the dead letters. */
  async receive(signal: Signal, encoding: Encoding, value: Buffer, headers: Readonly<Record<string, string>>): Promise<Answer> {
    const fault = findFault(value, signal, encoding)
    if (fault !== null) return this.refuse(signal, 'TW_TELEMETRY_MALFORMED', fault, value, value.length, headers)
    if (value.length === 0) return { kind: 'accepted', partial: null }
    try {
      return { kind: 'accepted', partial: await this.sink.accept({ signal, value, headers, receivedAt: Date.now() }) }
    } catch (error) {
      if (errorCode(error) === 'TW_TELEMETRY_TOO_LARGE') {
        return this.refuse(signal, 'TW_TELEMETRY_TOO_LARGE', (error as Error).message, value, value.length, headers)
      }
      return this.unavailable(error as Error)
    }
  }

  /** Puts bad input into the log with its reason, and answers that it is bad only once it stands there. */
  async refuse(
    signal: Signal,
    code: ErrorCode,
    reason: string,
    bytes: Buffer,
    size: number,
    headers: Readonly<Record<string, string>>,
  ): Promise<Answer> {
    const value = Buffer.from(bytes.subarray(0, this.options.keepBytes))
    try {
      await this.sink.accept({ signal, value, headers: { ...headers, ...refusalHeaders({ code, reason, size }) }, receivedAt: Date.now() })
    } catch (error) {
      return this.unavailable(error as Error)
    }
    return { kind: code === 'TW_TELEMETRY_TOO_LARGE' ? 'tooLarge' : 'malformed', reason }
  }

  private unavailable(error: Error): Answer {
    this.options.onFailure?.(error)
    return { kind: 'unavailable', reason: error.message, retryAfter: UNAVAILABLE_RETRY_S }
  }
}

/** The headers of a request that go with it into the log. */
export function trustHeaders(read: (name: string) => unknown): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name of TRUST_HEADERS) {
    const value = read(name)
    if (typeof value === 'string') headers[name] = value
  }
  return headers
}
