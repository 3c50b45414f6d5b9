import { trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { NodeSDK } from '@opentelemetry/sdk-node'

/**
 * One import and every model call is a span that Tidewatch understands. Copy this file; it needs
 * `npm install @opentelemetry/api @opentelemetry/sdk-node @opentelemetry/exporter-trace-otlp-proto`.
 */

const sdk = new NodeSDK({
  serviceName: process.env.OTEL_SERVICE_NAME ?? 'my-model-service',
  // OTEL_EXPORTER_OTLP_ENDPOINT says where to; http://localhost:4318 by default, which is where Tidewatch listens.
  traceExporter: new OTLPTraceExporter(),
})
sdk.start()

/** Sends what is waiting. Call it before the process ends. */
export const shutdown = () => sdk.shutdown()

/**
 * Runs `ask` as a span. `ask` resolves to the answer; `usage` reads from it what it took.
 * @template T
 * @param {{ user: string, model: string, prompt?: string, maxTokens?: number, temperature?: number, logprobs?: boolean }} call
 * @param {() => Promise<T>} ask
 * @param {(answer: T) => { inputTokens?: number, outputTokens?: number, finishReason?: string }} usage
 * @returns {Promise<T>}
 */
export function watched(call, ask, usage) {
  const attributes = {
    'gen_ai.operation.name': 'chat',
    'gen_ai.request.model': call.model,
    'user.id': call.user,
    'gen_ai.request.max_tokens': call.maxTokens,
    'gen_ai.request.temperature': call.temperature,
    'tidewatch.request.logprobs': call.logprobs,
    // Optional. Tidewatch turns it into a fingerprint and an embedding at its door and drops the text.
    'gen_ai.input.messages': call.prompt && JSON.stringify([{ role: 'user', parts: [{ type: 'text', content: call.prompt }] }]),
  }
  return trace.getTracer('model-calls').startActiveSpan(`chat ${call.model}`, { attributes }, async (span) => {
    try {
      const answer = await ask()
      const { inputTokens, outputTokens, finishReason } = usage(answer)
      span.setAttributes({
        'gen_ai.response.model': call.model,
        'gen_ai.usage.input_tokens': inputTokens,
        'gen_ai.usage.output_tokens': outputTokens,
        'gen_ai.response.finish_reasons': finishReason === undefined ? undefined : [finishReason],
      })
      return answer
    } catch (error) {
      span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown')
      span.setStatus({ code: 2 })
      throw error
    } finally {
      span.end()
    }
  })
}
