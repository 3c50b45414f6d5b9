import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js'
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type ServiceError,
  status,
  type UntypedHandleCall,
} from '@grpc/grpc-js'
import { listenError } from '../../errors.ts'
import type { Signal } from '../../telemetry/otlp/records.ts'
import type { OtlpServer } from './http.ts'
import { type Answer, type OtlpReceiver, trustHeaders } from './receiver.ts'
import { exportResponse, statusMessage } from './responses.ts'

export interface OtlpGrpcOptions {
  readonly host: string
  readonly port: number
  readonly receiver: OtlpReceiver
  /** Largest message after decompression; grpc-js itself answers larger ones with RESOURCE_EXHAUSTED. */
  readonly maxRequestBytes: number
  /** Told the gRPC status code of every answer. */
  readonly onAnswer?: (code: number) => void
}

const PATHS: Readonly<Record<Signal, string>> = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
}

const CODES = {
  malformed: status.INVALID_ARGUMENT,
  tooLarge: status.RESOURCE_EXHAUSTED,
  busy: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
} as const

/** The bytes stay as they are: decoding is the business of the ingest stage. */
const identity = (bytes: Buffer) => bytes

function exportService(path: string): ServiceDefinition {
  return {
    Export: {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    },
  }
}

function serviceError(answer: Exclude<Answer, { kind: 'accepted' }>): Partial<ServiceError> {
  const code = CODES[answer.kind]
  const retryAfter = 'retryAfter' in answer ? answer.retryAfter : null
  const metadata = new Metadata()
  metadata.set('grpc-status-details-bin', statusMessage({ code, message: answer.reason }, retryAfter))
  return { code, details: answer.reason, metadata }
}

/**
 * Listens for OTLP/gRPC. RESOURCE_EXHAUSTED with RetryInfo says come again, without it never; UNAVAILABLE says come again.
 * Rejects with TW_LISTEN_FAILED when the address cannot be had.
 */
export async function startOtlpGrpc({ host, port, receiver, maxRequestBytes, onAnswer }: OtlpGrpcOptions): Promise<OtlpServer> {
  const server = new Server({ 'grpc.max_receive_message_length': maxRequestBytes })
  for (const [signal, path] of Object.entries(PATHS) as [Signal, string][]) {
    const handle = async (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => {
      const headers = trustHeaders((name) => call.metadata.get(name)[0])
      const answer = await receiver.admit(() => receiver.receive(signal, 'protobuf', call.request, headers))
      onAnswer?.(answer.kind === 'accepted' ? status.OK : CODES[answer.kind])
      if (answer.kind === 'accepted') callback(null, exportResponse(signal, 'protobuf', answer.partial))
      else callback(serviceError(answer))
    }
    server.addService(exportService(path), { Export: handle as UntypedHandleCall })
  }
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (cause, bound) => {
      if (cause) reject(listenError('otlp.grpc.port', host, port, cause))
      else resolve(bound)
    })
  })
  return {
    port: bound,
    stop: (timeout = 5000) =>
      new Promise((resolve) => {
        const patience = setTimeout(() => server.forceShutdown(), timeout)
        server.tryShutdown(() => {
          clearTimeout(patience)
          resolve()
        })
      }),
  }
}
