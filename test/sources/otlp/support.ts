import protobuf from 'protobufjs'
import type { PartialSuccess, ReceivedRecord, Sink } from '../../../src/sources/otlp/sink.ts'

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message RetryInfo { Duration retry_delay = 1; }
  message PartialSuccess { int64 rejected = 1; string error_message = 2; }
  message ExportResponse { PartialSuccess partial_success = 1; }
`)

/** Decodes the bytes with protobufjs, as a client would. */
export function decodeMessage(type: 'Status' | 'RetryInfo' | 'ExportResponse', bytes: Uint8Array): Record<string, unknown> {
  const message = root.lookupType(type)
  return message.toObject(message.decode(bytes), { longs: Number })
}

/** A sink that a test can make wait, fail, and reject parts. */
export class TestSink implements Sink {
  readonly records: ReceivedRecord[] = []
  /** What `accept` waits for. */
  gate: Promise<void> = Promise.resolve()
  failure: Error | null = null
  partial: PartialSuccess | null = null
  private readonly waiting: (() => void)[] = []

  async accept(record: ReceivedRecord): Promise<PartialSuccess | null> {
    for (const wake of this.waiting.splice(0)) wake()
    await this.gate
    if (this.failure) throw this.failure
    this.records.push(record)
    return this.partial
  }

  /** Resolves when the next record comes in. */
  asked(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  /** Holds every record until the returned function is called. */
  hold(): () => void {
    let letGo = () => {}
    this.gate = new Promise((resolve) => {
      letGo = resolve
    })
    return letGo
  }
}

/** A small but real request: one span called `name`, in the protobuf form. */
export function tracesRequest(name: string): Buffer {
  const field = (number: number, bytes: Buffer) => Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes])
  const span = Buffer.concat([field(1, Buffer.alloc(16, 7)), field(2, Buffer.alloc(8, 9)), field(5, Buffer.from(name))])
  return field(1, field(2, field(2, span)))
}
