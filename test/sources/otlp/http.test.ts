import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { deflateSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TidewatchError } from '../../../src/errors.ts'
import { type OtlpServer, startOtlpHttp } from '../../../src/sources/otlp/http.ts'
import { OtlpReceiver } from '../../../src/sources/otlp/receiver.ts'
import { refusalOf } from '../../../src/sources/refusal.ts'
import { decodeMessage, TestSink, tracesRequest } from './support.ts'

const LIMIT = 100_000
const protobuf = { 'content-type': 'application/x-protobuf' }
const json = { 'content-type': 'application/json' }

let sink: TestSink
let server: OtlpServer
let failures: Error[]
let statuses: number[]

beforeEach(async () => {
  sink = new TestSink()
  failures = []
  statuses = []
  const receiver = new OtlpReceiver(sink, { maxInFlight: 2, keepBytes: 50, onFailure: (error) => failures.push(error) })
  server = await startOtlpHttp({
    host: '127.0.0.1',
    port: 0,
    receiver,
    maxRequestBytes: LIMIT,
    onAnswer: (status) => statuses.push(status),
  })
})
afterEach(() => server.stop(100))

async function post(path: string, body: Uint8Array | string, headers: Record<string, string>) {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method: 'POST', body: body as never, headers })
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    retryAfter: response.headers.get('retry-after'),
    body: Buffer.from(await response.arrayBuffer()),
  }
}

describe('a good request', () => {
  it.each([
    ['/v1/traces', 'traces'],
    ['/v1/metrics', 'metrics'],
    ['/v1/logs', 'logs'],
    ['/api/public/otel/v1/traces', 'traces'],
  ])('to %s is kept byte for byte as %s', async (path, signal) => {
    const before = Date.now()
    const answer = await post(path, tracesRequest('a'), protobuf)
    expect(answer).toMatchObject({ status: 200, type: 'application/x-protobuf' })
    expect(answer.body).toHaveLength(0)
    expect(sink.records).toMatchObject([{ signal, headers: {} }])
    expect(Buffer.from(sink.records[0]!.value)).toEqual(tracesRequest('a'))
    expect(sink.records[0]!.receivedAt).toBeGreaterThanOrEqual(before)
  })

  it('in JSON is answered in JSON', async () => {
    const body = '{"resourceSpans":[]}'
    const answer = await post('/v1/traces', body, { 'content-type': 'Application/JSON; charset=utf-8' })
    expect(answer).toMatchObject({ status: 200, type: 'application/json' })
    expect(answer.body.toString()).toBe('{}')
    expect(Buffer.from(sink.records[0]!.value).toString()).toBe(body)
  })

  it('may be compressed with gzip or deflate', async () => {
    const body = tracesRequest('compressed')
    expect((await post('/v1/traces', gzipSync(body), { ...protobuf, 'content-encoding': 'gzip' })).status).toBe(200)
    expect((await post('/v1/traces', deflateSync(body), { ...protobuf, 'content-encoding': 'deflate' })).status).toBe(200)
    expect((await post('/v1/traces', body, { ...protobuf, 'content-encoding': 'identity' })).status).toBe(200)
    expect(sink.records.map((record) => Buffer.from(record.value))).toEqual([body, body, body])
  })

  it('that is empty is a success and leaves no record', async () => {
    expect((await post('/v1/traces', '', protobuf)).status).toBe(200)
    expect(sink.records).toEqual([])
  })

  it('keeps its trust headers and no other', async () => {
    const trust = { 'tidewatch-key-id': 'k', 'tidewatch-sequence': '4', 'tidewatch-signature': 'c2ln' }
    await post('/v1/traces', tracesRequest('a'), { ...protobuf, ...trust, 'tidewatch-control': 'tick', 'tidewatch-refused': 'TW_INTERNAL' })
    expect(sink.records[0]!.headers).toEqual(trust)
  })

  it('is not answered before it is durable', async () => {
    const letGo = sink.hold()
    let answered = false
    const asked = sink.asked()
    const answer = post('/v1/traces', tracesRequest('a'), protobuf).then((result) => {
      answered = true
      return result
    })
    await asked
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(answered).toBe(false)
    letGo()
    expect((await answer).status).toBe(200)
  })

  it('that the sink took in part says how much was rejected', async () => {
    sink.partial = { rejected: 300, message: 'three hundred too many' }
    const binary = await post('/v1/traces', tracesRequest('a'), protobuf)
    expect(decodeMessage('ExportResponse', binary.body)).toEqual({
      partialSuccess: { rejected: 300, errorMessage: 'three hundred too many' },
    })
    for (const [signal, name] of [
      ['traces', 'rejectedSpans'],
      ['metrics', 'rejectedDataPoints'],
      ['logs', 'rejectedLogRecords'],
    ]) {
      const text = await post(`/v1/${signal}`, '{}', json)
      expect(JSON.parse(text.body.toString())).toEqual({ partialSuccess: { [name!]: '300', errorMessage: 'three hundred too many' } })
    }
  })
})

describe('what is not understood', () => {
  it.each([
    ['text/plain', {}],
    ['constructor', {}],
    ['not a type', {}],
  ])('content type %s is refused with 415', async (type) => {
    const answer = await post('/v1/traces', 'x', { 'content-type': type })
    expect(answer.status).toBe(415)
    expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 3, message: expect.any(String) })
    expect(sink.records).toEqual([])
  })

  it('content encodings are refused with 415 and the list of the known ones', async () => {
    const answer = await post('/v1/traces', 'x', { ...protobuf, 'content-encoding': 'br' })
    expect(answer).toMatchObject({ status: 415, type: 'application/x-protobuf' })
    expect(decodeMessage('Status', answer.body)).toMatchObject({ code: 3, message: expect.stringContaining('identity, gzip, deflate') })
  })
})

describe('a malformed body', () => {
  const cut = tracesRequest('cut off').subarray(0, -3)

  it.each([
    ['protobuf cut off', protobuf, cut],
    ['protobuf of another kind', protobuf, Buffer.from('hello, world')],
    ['JSON as protobuf', protobuf, Buffer.from('{"resourceSpans":[]}')],
    ['a length beyond its message', protobuf, Buffer.from([10, 4, 18, 9, 1, 2])],
    ['JSON cut off', json, Buffer.from('{"resourceSpans":[')],
    ['protobuf as JSON', json, tracesRequest('a')],
    ['an empty body as JSON', json, Buffer.alloc(0)],
    ['a JSON list', json, Buffer.from('[]')],
    ['JSON without the list', json, Buffer.from('{"resourceLogs":[]}')],
    ['JSON with another list', json, Buffer.from('{"resourceSpans":{}}')],
    ['damaged gzip', { ...protobuf, 'content-encoding': 'gzip' }, gzipSync(tracesRequest('a')).subarray(0, -9)],
    ['no gzip', { ...protobuf, 'content-encoding': 'gzip' }, tracesRequest('a')],
  ])('(%s) is answered with 400 and goes into the log, marked', async (_name, headers, body) => {
    const answer = await post('/v1/traces', body, headers)
    expect(answer).toMatchObject({ status: 400, type: headers['content-type'] })
    const status = headers === json ? JSON.parse(answer.body.toString()) : decodeMessage('Status', answer.body)
    expect(status).toMatchObject({ code: 3, message: expect.stringMatching(/.{10}/) })
    expect(sink.records).toHaveLength(1)
    expect(refusalOf(sink.records[0]!)).toMatchObject({ code: 'TW_TELEMETRY_MALFORMED', reason: status.message })
  })

  it('leaves its bytes, bounded, and the size of the whole', async () => {
    await post('/v1/traces', `{${'x'.repeat(5000)}`, json)
    expect(Buffer.from(sink.records[0]!.value).toString()).toBe(`{${'x'.repeat(49)}`)
    expect(refusalOf(sink.records[0]!)!.size).toBe(5001)
  })

  it('is not answered with 400 before it stands in the log', async () => {
    sink.failure = new TidewatchError('TW_JOURNAL_FULL', '')
    expect((await post('/v1/traces', cut, protobuf)).status).toBe(503)
  })
})

describe('a body that is too large', () => {
  it('is refused with 413 and its beginning kept', async () => {
    const answer = await post('/v1/traces', Buffer.alloc(LIMIT + 1, 1), protobuf)
    expect(answer.status).toBe(413)
    expect(decodeMessage('Status', answer.body)).toMatchObject({ code: 8 })
    expect(refusalOf(sink.records[0]!)).toMatchObject({ code: 'TW_TELEMETRY_TOO_LARGE' })
    expect(sink.records[0]!.value).toHaveLength(50)
  })

  it('may be as large as the limit', async () => {
    const filler = `{"resourceSpans":[],"x":"${'x'.repeat(LIMIT)}`.slice(0, LIMIT - 2)
    expect((await post('/v1/traces', `${filler}"}`, json)).status).toBe(200)
  })

  it('is refused when it swells, without being swollen', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20))
    expect(bomb.length).toBeLessThan(LIMIT)
    const before = process.memoryUsage().arrayBuffers
    const answer = await post('/v1/traces', bomb, { ...protobuf, 'content-encoding': 'gzip' })
    expect(answer.status).toBe(413)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 2 ** 20)
    expect(refusalOf(sink.records[0]!)!.size).toBeLessThan(LIMIT + 2 ** 17)
  })

  it('is refused when it is large and does not swell', async () => {
    const padded = Buffer.concat(Array.from({ length: 6000 }, () => gzipSync('')))
    expect((await post('/v1/traces', padded, { ...protobuf, 'content-encoding': 'gzip' })).status).toBe(413)
  })

  it('for the sink is refused with 413', async () => {
    let calls = 0
    sink.accept = async (record) => {
      if (calls++ === 0) throw new TidewatchError('TW_TELEMETRY_TOO_LARGE', 'for the topic')
      sink.records.push(record)
      return null
    }
    expect((await post('/v1/traces', tracesRequest('a'), protobuf)).status).toBe(413)
    expect(refusalOf(sink.records[0]!)).toMatchObject({ code: 'TW_TELEMETRY_TOO_LARGE' })
  })
})

describe('back pressure', () => {
  it('is 429 with Retry-After when too many requests are in work', async () => {
    const letGo = sink.hold()
    const inWork = []
    for (let i = 0; i < 2; i++) {
      const asked = sink.asked()
      inWork.push(post('/v1/traces', tracesRequest('a'), protobuf))
      await asked
    }
    const third = await post('/v1/traces', tracesRequest('a'), protobuf)
    expect(third).toMatchObject({ status: 429, retryAfter: '1' })
    expect(decodeMessage('Status', third.body)).toMatchObject({ code: 8 })
    letGo()
    expect((await Promise.all(inWork)).map((answer) => answer.status)).toEqual([200, 200])
    expect((await post('/v1/traces', tracesRequest('a'), protobuf)).status).toBe(200)
    expect(statuses).toEqual([429, 200, 200, 200])
  })

  it.each([
    ['a full journal', new TidewatchError('TW_JOURNAL_FULL', '')],
    ['a broker that is away', new TidewatchError('TW_SOURCE_UNAVAILABLE', '')],
    ['an unforeseen fault', new Error('EIO')],
  ])('is 503 with Retry-After for %s', async (_name, failure) => {
    sink.failure = failure
    const answer = await post('/v1/traces', tracesRequest('a'), protobuf)
    expect(answer).toMatchObject({ status: 503, retryAfter: '3', type: 'application/x-protobuf' })
    expect(decodeMessage('Status', answer.body)).toMatchObject({ code: 14 })
    expect(failures).toEqual([failure])
  })

  it('does not count a sender that went away in the middle of its body', async () => {
    for (let i = 0; i < 3; i++) {
      const socket = net.connect(server.port, '127.0.0.1')
      socket.write('POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 1000\r\n\r\nabc')
      await once(socket, 'connect')
      await new Promise((resolve) => setTimeout(resolve, 30))
      socket.destroy()
    }
    await expect.poll(async () => (await post('/v1/traces', tracesRequest('a'), protobuf)).status).toBe(200)
    expect(sink.records).toHaveLength(1)
  })
})

describe('a connection', () => {
  it('is kept for the next request, whatever the answer was', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    const ports = new Set<number>()
    const send = async (body: Buffer, headers: Record<string, string>) => {
      const request = http.request({ port: server.port, host: '127.0.0.1', path: '/v1/traces', method: 'POST', agent, headers })
      request.end(body)
      const [response] = (await once(request, 'response')) as [http.IncomingMessage]
      ports.add(request.socket!.localPort!)
      response.resume()
      await once(response, 'end')
      return response.statusCode
    }
    expect(await send(tracesRequest('a'), protobuf)).toBe(200)
    expect(await send(Buffer.alloc(3 * LIMIT), protobuf)).toBe(413)
    expect(await send(Buffer.alloc(3 * LIMIT), { 'content-type': 'text/plain' })).toBe(415)
    expect(await send(gzipSync(Buffer.alloc(2 ** 22)), { ...protobuf, 'content-encoding': 'gzip' })).toBe(413)
    expect(await send(Buffer.from('nonsense'), json)).toBe(400)
    sink.failure = new TidewatchError('TW_JOURNAL_FULL', '')
    expect(await send(tracesRequest('a'), protobuf)).toBe(503)
    sink.failure = null
    expect(await send(tracesRequest('a'), protobuf)).toBe(200)
    expect(ports.size).toBe(1)
    agent.destroy()
  })

  it('is answered when the server stops, and idle ones do not hold it up', async () => {
    await post('/v1/traces', tracesRequest('idle'), protobuf)
    const letGo = sink.hold()
    const asked = sink.asked()
    const answer = post('/v1/traces', tracesRequest('last'), protobuf)
    await asked
    const stopped = server.stop(10_000)
    letGo()
    expect((await answer).status).toBe(200)
    await stopped
    await expect(post('/v1/traces', tracesRequest('late'), protobuf)).rejects.toThrow()
  })

  it('that hangs is cut when its time is over', async () => {
    const socket = net.connect(server.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 1000\r\n\r\nabc')
    await once(socket, 'connect')
    await new Promise((resolve) => setTimeout(resolve, 30))
    const closed = once(socket, 'close')
    await server.stop(100)
    await closed
  })

  it('cannot be had on an address that is taken', async () => {
    const receiver = new OtlpReceiver(sink, { maxInFlight: 1, keepBytes: 1 })
    await expect(startOtlpHttp({ host: '127.0.0.1', port: server.port, receiver, maxRequestBytes: 1 })).rejects.toMatchObject({
      code: 'TW_LISTEN_FAILED',
      message: `An address cannot be listened on: otlp.http.port 127.0.0.1:${server.port} is in use`,
    })
  })
})
