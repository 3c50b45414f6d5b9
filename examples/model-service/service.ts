import { type Span, SpanKind, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { LosslessSpanProcessor } from './lossless.ts'

/**
 * How a model service tells Tidewatch what it does: one span a call, with the names of OpenTelemetry's GenAI conventions and who asked.
 * This is ordinary OpenTelemetry code; nothing of Tidewatch is imported.
 */

const model = 'tide-chat-1'

export interface Telemetry {
  /** Resolves when every span that ended so far was accepted by the receiver. */
  flush(): Promise<void>
  stop(): Promise<void>
}

/** Starts the SDK. `endpoint` is the base URL of an OTLP/HTTP receiver, `http://127.0.0.1:4318` for Tidewatch on this machine. */
export function startTelemetry(endpoint: string): Telemetry {
  const exporter = new OTLPTraceExporter({ url: new URL('/v1/traces', endpoint).href })
  // A service of your own takes `new BatchSpanProcessor(exporter)` here; lossless.ts says why the simulation does not.
  const processor = new LosslessSpanProcessor(exporter)
  const sdk = new NodeSDK({
    resource: resourceFromAttributes({ 'service.name': 'model-service', 'deployment.environment.name': 'demo' }),
    autoDetectResources: false,
    spanProcessors: [processor],
  })
  sdk.start()
  return { flush: () => processor.forceFlush(), stop: () => sdk.shutdown() }
}

export interface CallStart {
  readonly user: string
  readonly userKind: 'human' | 'service'
  readonly address: string
  readonly userAgent: string
  readonly conversation: string | null
  readonly prompt: string
  readonly maxTokens: number | null
  readonly temperature: number | null
}

/** Begins the span of a call. Times are milliseconds since the epoch; a real service leaves them out. */
export function beginCall(call: CallStart, startTime?: number): Span {
  return trace.getTracer('model-service').startSpan(`chat ${model}`, {
    kind: SpanKind.SERVER,
    ...(startTime === undefined ? {} : { startTime }),
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'example',
      'gen_ai.request.model': model,
      // Who asks. Tidewatch stores a keyed hash of it.
      'user.id': call.user,
      'tidewatch.principal.kind': call.userKind,
      'client.address': call.address,
      'user_agent.original': call.userAgent,
      // The text leaves as a fingerprint and an embedding at Tidewatch's door. Who has an embedding model sends `tidewatch.input.embedding`
      // (an array of numbers) in its place, and no text leaves the service at all.
      'gen_ai.input.messages': JSON.stringify([{ role: 'user', parts: [{ type: 'text', content: call.prompt }] }]),
      ...(call.conversation === null ? {} : { 'gen_ai.conversation.id': call.conversation }),
      ...(call.maxTokens === null ? {} : { 'gen_ai.request.max_tokens': call.maxTokens }),
      ...(call.temperature === null ? {} : { 'gen_ai.request.temperature': call.temperature }),
    },
  })
}

/** Ends the span of a call with what the answer took. */
export function endCall(span: Span, answer: { inputTokens: number; outputTokens: number; truncated: boolean }, endTime?: number): void {
  span.setAttributes({
    'gen_ai.response.model': model,
    'gen_ai.usage.input_tokens': answer.inputTokens,
    'gen_ai.usage.output_tokens': answer.outputTokens,
    'gen_ai.response.finish_reasons': [answer.truncated ? 'length' : 'stop'],
  })
  span.end(endTime)
}
