import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyPluginAsync, type FastifyReply, type FastifyRequest } from 'fastify'
import { listenError } from '../../errors.ts'
import type { Signal } from '../../telemetry/otlp/records.ts'
import { type ContentEncoding, contentEncodings, readBody } from './body.ts'
import type { Encoding } from './check.ts'
import { type Answer, type OtlpReceiver, trustHeaders } from './receiver.ts'
import { exportResponse, rpcCode, statusBody } from './responses.ts'

export interface OtlpHttpOptions {
  readonly receiver: OtlpReceiver
  /** Largest body after decompression. */
  readonly maxRequestBytes: number
  /** Told the HTTP status of every answer. */
  readonly onAnswer?: (status: number) => void
}

const PATHS: Readonly<Record<string, Signal>> = {
  '/v1/traces': 'traces',
  '/v1/metrics': 'metrics',
  '/v1/logs': 'logs',
  // Langfuse's SDKs send there.
  '/api/public/otel/v1/traces': 'traces',
}

const ENCODINGS = new Map<string, Encoding>([
  ['application/x-protobuf', 'protobuf'],
  ['application/json', 'json'],
])
const CONTENT_TYPE_OF = { protobuf: 'application/x-protobuf', json: 'application/json' } as const

const STATUSES = {
  malformed: { status: 400, code: rpcCode.invalidArgument },
  tooLarge: { status: 413, code: rpcCode.resourceExhausted },
  busy: { status: 429, code: rpcCode.resourceExhausted },
  unavailable: { status: 503, code: rpcCode.unavailable },
} as const

/** OTLP/HTTP as a fastify plugin. Bodies are read by the plugin itself, whatever parsers the rest of the server has. */
export const otlpHttp: FastifyPluginAsync<OtlpHttpOptions> = async (app, options) => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.setErrorHandler((error: { statusCode?: number; message: string }, request, reply) => {
    // Anything unforeseen is told as passing, because senders throw away what is answered with 500.
    const [status, code] = error.statusCode === 415 ? [415, rpcCode.invalidArgument] : [503, rpcCode.unavailable]
    return answerStatus(reply, encodingOf(request) ?? 'json', status, code, error.message)
  })
  app.addHook('onResponse', async (_request, reply) => options.onAnswer?.(reply.statusCode))
  for (const [url, signal] of Object.entries(PATHS)) app.post(url, (request, reply) => answer(signal, request, reply, options))
}

async function answer(signal: Signal, request: FastifyRequest, reply: FastifyReply, options: OtlpHttpOptions): Promise<FastifyReply> {
  const encoding = encodingOf(request)
  if (!encoding) {
    const expected = [...ENCODINGS.keys()].join(' or ')
    return answerStatus(reply, 'json', 415, rpcCode.invalidArgument, `content type: expected ${expected}`)
  }
  const named = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  const compression = contentEncodings.find((name) => name === named)
  if (!compression) {
    const message = `content encoding \`${named.slice(0, 40)}\`: expected ${contentEncodings.join(', ')}`
    return answerStatus(reply, encoding, 415, rpcCode.invalidArgument, message)
  }
  const result = await options.receiver.admit(() => take(signal, encoding, compression, request, options))
  if (result.kind === 'accepted') {
    return reply
      .code(200)
      .type(CONTENT_TYPE_OF[encoding])
      .send(exportResponse(signal, encoding, result.partial))
  }
  if ('retryAfter' in result) reply.header('retry-after', String(result.retryAfter))
  const { status, code } = STATUSES[result.kind]
  return answerStatus(reply, encoding, status, code, result.reason)
}

async function take(
  signal: Signal,
  encoding: Encoding,
  compression: ContentEncoding,
  request: FastifyRequest,
  { receiver, maxRequestBytes }: OtlpHttpOptions,
): Promise<Answer> {
  const headers = trustHeaders((name) => request.headers[name])
  const { fault, reason, bytes } = await readBody(request.raw, compression, maxRequestBytes)
  if (fault === null) return receiver.receive(signal, encoding, bytes, headers)
  const code = fault === 'tooLarge' ? 'TW_TELEMETRY_TOO_LARGE' : 'TW_TELEMETRY_MALFORMED'
  return receiver.refuse(signal, code, reason, bytes, bytes.length, headers)
}

function encodingOf(request: FastifyRequest): Encoding | undefined {
  const [type = ''] = (request.headers['content-type'] ?? '').split(';')
  return ENCODINGS.get(type.trim().toLowerCase())
}

function answerStatus(reply: FastifyReply, encoding: Encoding, status: number, code: number, message: string): FastifyReply {
  return reply.code(status).type(CONTENT_TYPE_OF[encoding]).send(statusBody({ code, message }, encoding))
}

/** A running receiver. */
export interface OtlpServer {
  readonly port: number
  /** Takes no more requests, answers those in work, and closes; idle connections at once, the others after `timeout` milliseconds. */
  stop(timeout?: number): Promise<void>
}

/** Listens for OTLP/HTTP on an address of its own; rejects with TW_LISTEN_FAILED when it cannot be had. */
export async function startOtlpHttp(options: OtlpHttpOptions & { readonly host: string; readonly port: number }): Promise<OtlpServer> {
  // A sender that dribbles its body would hold one of the places in flight.
  const app: FastifyInstance = Fastify({ requestTimeout: 30_000, keepAliveTimeout: 75_000, forceCloseConnections: 'idle' })
  await app.register(otlpHttp, options)
  await app.listen({ host: options.host, port: options.port }).catch((cause) => {
    throw listenError('otlp.http.port', options.host, options.port, cause)
  })
  return {
    port: (app.server.address() as AddressInfo).port,
    async stop(timeout = 5000) {
      const patience = setTimeout(() => app.server.closeAllConnections(), timeout)
      await app.close()
      clearTimeout(patience)
    },
  }
}
