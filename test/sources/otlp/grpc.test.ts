import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TidewatchError } from '../../../src/errors.ts'
import { startOtlpGrpc } from '../../../src/sources/otlp/grpc.ts'
import type { OtlpServer } from '../../../src/sources/otlp/http.ts'
import { OtlpReceiver } from '../../../src/sources/otlp/receiver.ts'
import { refusalOf } from '../../../src/sources/refusal.ts'
import { decodeMessage, TestSink, tracesRequest } from './support.ts'

const LIMIT = 100_000
const TRACES = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'

let sink: TestSink
let server: OtlpServer
let client: Client
let codes: number[]

beforeEach(async () => {
  sink = new TestSink()
  codes = []
  const receiver = new OtlpReceiver(sink, { maxInFlight: 2, keepBytes: 50 })
  server = await startOtlpGrpc({ host: '127.0.0.1', port: 0, receiver, maxRequestBytes: LIMIT, onAnswer: (code) => codes.push(code) })
  client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure())
})
afterEach(async () => {
  client.close()
  await server.stop(100)
})

function send(path: string, body: Buffer, metadata: Record<string, string> = {}): Promise<Buffer> {
  const sent = new Metadata()
  for (const [name, value] of Object.entries(metadata)) sent.set(name, value)
  return new Promise((resolve, reject) => {
    const raw = (bytes: Buffer) => bytes
    client.makeUnaryRequest<Buffer, Buffer>(path, raw, raw, body, sent, { deadline: Date.now() + 10_000 }, (error, response) =>
      error ? reject(error) : resolve(response!),
    )
  })
}

const refused = (path: string, body: Buffer): Promise<ServiceError> =>
  send(path, body).then(
    () => {
      throw new Error('it was accepted')
    },
    (error) => error,
  )

function detailsOf(error: ServiceError): Record<string, unknown> {
  return decodeMessage('Status', error.metadata.get('grpc-status-details-bin')[0] as Buffer)
}

describe('a good request', () => {
  it.each([
    ['trace.v1.TraceService', 'traces'],
    ['metrics.v1.MetricsService', 'metrics'],
    ['logs.v1.LogsService', 'logs'],
  ])('to %s is kept byte for byte as %s', async (service, signal) => {
    const response = await send(`/opentelemetry.proto.collector.${service}/Export`, tracesRequest('a'), {
      'tidewatch-key-id': 'k',
      other: 'x',
    })
    expect(response).toHaveLength(0)
    expect(sink.records).toMatchObject([{ signal }])
    expect(sink.records[0]!.headers).toEqual({ 'tidewatch-key-id': 'k' })
    expect(Buffer.from(sink.records[0]!.value)).toEqual(tracesRequest('a'))
    expect(codes).toEqual([0])
  })

  it('is not answered before it is durable, and in part where the sink took a part', async () => {
    const letGo = sink.hold()
    sink.partial = { rejected: 2, message: 'two' }
    let answered = false
    const asked = sink.asked()
    const answer = send(TRACES, tracesRequest('a')).finally(() => {
      answered = true
    })
    await asked
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(answered).toBe(false)
    letGo()
    expect(decodeMessage('ExportResponse', await answer)).toEqual({ partialSuccess: { rejected: 2, errorMessage: 'two' } })
  })
})

describe('bad input', () => {
  it('is INVALID_ARGUMENT and goes into the log, marked', async () => {
    const error = await refused(TRACES, tracesRequest('cut off').subarray(0, -1))
    expect(error.code).toBe(3)
    expect(error.metadata.get('grpc-status-details-bin')).toHaveLength(1)
    expect(detailsOf(error)).toMatchObject({ code: 3 })
    expect(detailsOf(error)).not.toHaveProperty('details.0')
    expect(refusalOf(sink.records[0]!)).toMatchObject({ code: 'TW_TELEMETRY_MALFORMED' })
  })

  it('that is too large is RESOURCE_EXHAUSTED without RetryInfo', async () => {
    const error = await refused(TRACES, Buffer.alloc(LIMIT + 1))
    expect(error.code).toBe(8)
    expect(error.metadata.get('grpc-status-details-bin')).toEqual([])
  })
})

describe('back pressure', () => {
  it('is RESOURCE_EXHAUSTED with RetryInfo when too many requests are in work', async () => {
    const letGo = sink.hold()
    const inWork = []
    for (let i = 0; i < 2; i++) {
      const asked = sink.asked()
      inWork.push(send(TRACES, tracesRequest('a')))
      await asked
    }
    const error = await refused(TRACES, tracesRequest('a'))
    expect(error.code).toBe(8)
    const [detail] = detailsOf(error).details as { typeUrl: string; value: Uint8Array }[]
    expect(detail!.typeUrl).toBe('type.googleapis.com/google.rpc.RetryInfo')
    expect(decodeMessage('RetryInfo', detail!.value)).toEqual({ retryDelay: { seconds: 1 } })
    letGo()
    await Promise.all(inWork)
  })

  it('is UNAVAILABLE when the journal is full', async () => {
    sink.failure = new TidewatchError('TW_JOURNAL_FULL', '')
    expect((await refused(TRACES, tracesRequest('a'))).code).toBe(14)
    expect(codes).toEqual([14])
  })
})

it('answers what is in work when it stops', async () => {
  const letGo = sink.hold()
  const asked = sink.asked()
  const answer = send(TRACES, tracesRequest('last'))
  await asked
  const stopped = server.stop(10_000)
  letGo()
  expect(await answer).toHaveLength(0)
  await stopped
})

it('does not wait for a call that hangs longer than it was given', async () => {
  sink.hold()
  const asked = sink.asked()
  const answer = refused(TRACES, tracesRequest('stuck'))
  await asked
  await server.stop(100)
  expect((await answer).code).toBeGreaterThan(0)
})

it('cannot be had on an address that is taken', async () => {
  const receiver = new OtlpReceiver(sink, { maxInFlight: 1, keepBytes: 1 })
  await expect(startOtlpGrpc({ host: '127.0.0.1', port: server.port, receiver, maxRequestBytes: 1 })).rejects.toMatchObject({
    code: 'TW_LISTEN_FAILED',
    message: `An address cannot be listened on: otlp.grpc.port 127.0.0.1:${server.port} is in use`,
  })
})
