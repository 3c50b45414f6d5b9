import protobuf from 'protobufjs'

const folder = `${import.meta.dirname}/../../test/fixtures/otlp`

/** A small generator of numbers (xorshift), so that every run has the same input. */
function createRandom(seed: number): () => number {
  let state = seed | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 4294967296
  }
}

type AnyValue = Record<string, unknown>

function text(value: string): AnyValue {
  return { stringValue: value }
}

function integer(value: number): AnyValue {
  return { intValue: value }
}

/** A 64-bit integer as protobufjs takes it. */
function long(value: bigint): object {
  return { low: Number(BigInt.asIntN(32, value)), high: Number(value >> 32n), unsigned: true }
}

function attributes(values: Record<string, AnyValue>): object[] {
  return Object.entries(values).map(([key, value]) => ({ key, value }))
}

const models = [
  { asked: 'gpt-4o-mini', answered: 'gpt-4o-mini-2024-07-18', provider: 'openai' },
  { asked: 'gpt-4o', answered: 'gpt-4o-2024-08-06', provider: 'openai' },
  { asked: 'claude-sonnet-4-5', answered: 'claude-sonnet-4-5-20250929', provider: 'anthropic' },
] as const

export interface GenaiBatch {
  /** An export request, protobuf. */
  readonly bytes: Buffer
  /** Gives the sessions that begin in this batch new names, so that a batch that is used again does not look as if it had been seen. */
  refresh(use: number): void
}

/**
 * Export requests of `spans` chat calls each, with the attributes that OpenTelemetry's instrumentation of the OpenAI client writes with
 * the current GenAI conventions, and user and session from baggage: 20 attributes a span, of which the mapping reads 13. Ids never repeat; 400
 * users do, with a few who are busy, and every tenth call begins a session.
 */
export async function genaiBatches(count: number, spans: number): Promise<GenaiBatch[]> {
  const root = await protobuf.load([`${folder}/trace.proto`])
  const type = root.lookupType('opentelemetry.proto.trace.v1.ExportTraceServiceRequest')
  const random = createRandom(20_251_121)
  const id = (bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, () => 1 + Math.floor(random() * 255)))
  const resource = {
    attributes: attributes({
      'telemetry.sdk.language': text('python'),
      'telemetry.sdk.name': text('opentelemetry'),
      'telemetry.sdk.version': text('1.38.0'),
      'service.name': text('chat-gateway'),
      'service.namespace': text('assistants'),
      'service.version': text('4.2.1'),
      'service.instance.id': text('7b1f9f86-4c0e-4f57-9d43-0a2f5a0d5c11'),
      'deployment.environment.name': text('production'),
      'k8s.pod.name': text('chat-gateway-6d5f7c9b8-x2x9k'),
    }),
  }
  const sessions: string[] = []
  const sessionOf = (user: number, begun: string[]): string => {
    if (sessions[user] === undefined || random() < 0.1) {
      sessions[user] = `session-${id(8).toString('hex')}`
      begun.push(sessions[user])
    }
    return sessions[user]
  }
  const span = (index: number, begun: string[]): object => {
    const model = models[Math.floor(random() ** 2 * models.length)]!
    const user = Math.floor(random() ** 3 * 400)
    const start = 1_795_563_936_404_566_234n + BigInt(index * 7_919_113)
    return {
      traceId: id(16),
      spanId: id(8),
      parentSpanId: id(8),
      flags: 257,
      name: `chat ${model.asked}`,
      kind: 3,
      startTimeUnixNano: long(start),
      endTimeUnixNano: long(start + BigInt(Math.floor(random() * 4e9))),
      attributes: attributes({
        'gen_ai.operation.name': text('chat'),
        'gen_ai.provider.name': text(model.provider),
        'gen_ai.request.model': text(model.asked),
        'server.address': text(`api.${model.provider}.com`),
        'server.port': integer(443),
        'gen_ai.request.temperature': { doubleValue: [0, 0.2, 0.7, 1][Math.floor(random() * 4)]! },
        'gen_ai.request.top_p': { doubleValue: 0.95 },
        'gen_ai.request.max_tokens': integer(256 << Math.floor(random() * 4)),
        'gen_ai.request.frequency_penalty': { doubleValue: 0 },
        'gen_ai.request.choice.count': integer(1),
        'gen_ai.request.seed': integer(Math.floor(random() * 1e6)),
        'user.id': text(`user-${String(user).padStart(5, '0')}`),
        'session.id': text(sessionOf(user, begun)),
        'gen_ai.response.id': text(`chatcmpl-${id(12).toString('hex')}`),
        'gen_ai.response.model': text(model.answered),
        'gen_ai.response.finish_reasons': { arrayValue: { values: [text(random() < 0.9 ? 'stop' : 'length')] } },
        'gen_ai.usage.input_tokens': integer(20 + Math.floor(random() * 3000)),
        'gen_ai.usage.output_tokens': integer(1 + Math.floor(random() * 900)),
        'openai.response.service_tier': text('default'),
        'openai.response.system_fingerprint': text(`fp_${model.asked.length}c3de5af1`),
      }),
      status: {},
    }
  }
  return Array.from({ length: count }, () => {
    const begun: string[] = []
    const scope = { name: 'opentelemetry.instrumentation.openai_v2', version: '2.3b0' }
    const scopeSpans = [{ scope, spans: Array.from({ length: spans }, (_, i) => span(i, begun)) }]
    const bytes = Buffer.from(type.encode({ resourceSpans: [{ resource, scopeSpans }] }).finish())
    const offsets = begun.map((name) => bytes.indexOf(name) + 'session-'.length)
    return { bytes, refresh: (use) => renew(bytes, offsets, use) }
  })
}

function renew(bytes: Buffer, offsets: readonly number[], use: number): void {
  const digits = use.toString(16).padStart(8, '0')
  for (const offset of offsets) bytes.write(digits, offset, 'latin1')
}
