import { describe, expect, it } from 'vitest'
import { type Attributes, chat, mapSpans, onlyCall, type SpanSketch, toolCalls } from './support.ts'

/** One call as each dialect writes it, small, and what must be understood. */
const dialects: readonly { name: string; scope?: string; span?: Partial<SpanSketch>; attributes: Attributes; expected: object }[] = [
  {
    name: 'GenAI 1.36',
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.system': 'openai',
      'gen_ai.request.model': 'm',
      'gen_ai.response.model': 'm-2026',
      'gen_ai.request.max_tokens': 64,
      'gen_ai.request.temperature': 0,
      'gen_ai.request.top_p': 0.9,
      'gen_ai.usage.prompt_tokens': 18,
      'gen_ai.usage.completion_tokens': 9,
      'gen_ai.response.finish_reasons': ['tool_calls', 'stop'],
      'enduser.id': 'alice',
    },
    expected: {
      dialect: 'genai-1.36',
      principal: { id: 'alice', source: 'enduser.id' },
      model: { name: 'm-2026', service: 'shop', environment: 'prod' },
      requestModel: 'm',
      provider: 'openai',
      operation: 'chat',
      tokens: { input: 18, output: 9 },
      request: { maxTokens: 64, temperature: 0, topP: 0.9, logprobs: null, topLogprobs: null, logitBiasCount: null },
      finishReason: 'tool_calls',
      stream: null,
    },
  },
  {
    name: 'GenAI 1.37 and later',
    attributes: {
      'gen_ai.operation.name': 'generate_content',
      'gen_ai.provider.name': 'gcp.gemini',
      'gen_ai.request.model': 'm',
      'gen_ai.request.stream': true,
      'gen_ai.usage.input_tokens': 18,
      'gen_ai.usage.output_tokens': 9,
    },
    expected: {
      dialect: 'genai-1.37',
      operation: 'generate_content',
      provider: 'gcp.gemini',
      model: { name: 'm' },
      stream: true,
      tokens: { input: 18, output: 9 },
    },
  },
  {
    name: 'OpenInference',
    attributes: {
      'openinference.span.kind': 'LLM',
      'llm.model_name': 'm-2026',
      'llm.system': 'openai',
      'llm.token_count.prompt': 11,
      'llm.token_count.completion': 1,
      'llm.finish_reason': 'length',
      'llm.invocation_parameters':
        '{"model":"m","max_tokens":1,"temperature":0,"logprobs":true,"top_logprobs":5,"logit_bias":{"1":100,"2":-100,"3":5},"stream":true,"user":"alice"}',
    },
    expected: {
      dialect: 'openinference',
      principal: { id: 'alice', source: 'llm.invocation_parameters#user' },
      model: { name: 'm-2026' },
      requestModel: 'm',
      request: { maxTokens: 1, temperature: 0, topP: null, logprobs: true, topLogprobs: 5, logitBiasCount: 3 },
      finishReason: 'length',
      stream: true,
    },
  },
  {
    name: 'OpenInference, embeddings',
    attributes: {
      'openinference.span.kind': 'EMBEDDING',
      'embedding.model_name': 'e',
      'embedding.invocation_parameters': '{"model":"e","dimensions":8}',
      'embedding.embeddings.0.embedding.vector': [0.1, 0.2],
      'llm.token_count.prompt': 4,
    },
    expected: { operation: 'embeddings', model: { name: 'e' }, requestModel: 'e', tokens: { input: 4, output: null }, embedding: null },
  },
  {
    name: 'OpenLLMetry, old',
    scope: 'opentelemetry.instrumentation.openai.v1',
    attributes: {
      'llm.request.type': 'chat',
      'gen_ai.system': 'OpenAI',
      'gen_ai.request.model': 'm',
      'llm.is_streaming': true,
      'llm.user': 'alice',
      'gen_ai.completion.0.finish_reason': 'stop',
      'gen_ai.usage.prompt_tokens': 1,
      'traceloop.workflow.name': 'leaks',
    },
    expected: {
      dialect: 'openllmetry',
      provider: 'openai',
      operation: 'chat',
      stream: true,
      finishReason: 'stop',
      principal: { id: 'alice', source: 'llm.user' },
    },
  },
  {
    name: 'OpenLLMetry, new',
    scope: 'opentelemetry.instrumentation.openai.v1',
    attributes: chat({
      'gen_ai.user': 'alice',
      'traceloop.association.properties.user_id': 'bob',
      'gen_ai.is_streaming': false,
      'gen_ai.response.finish_reasons': ['tool_call'],
    }),
    expected: { dialect: 'openllmetry', principal: { id: 'alice', source: 'gen_ai.user' }, stream: false, finishReason: 'tool_call' },
  },
  {
    name: 'LiteLLM v1',
    scope: 'litellm',
    attributes: {
      'gen_ai.operation.name': 'acompletion',
      'llm.request.type': 'acompletion',
      'gen_ai.system': '',
      'gen_ai.request.model': 'm',
      'gen_ai.request.max_tokens': '64',
      'llm.is_streaming': 'True',
      'gen_ai.response.finish_reasons': '["stop"]',
      'metadata.user_api_key_end_user_id': '',
      'metadata.user_api_key_user_id': 'alice',
      'metadata.user_api_key_hash': 'key-1',
      'metadata.requester_ip_address': '203.0.113.9',
      'llm.user': 'None',
    },
    expected: {
      dialect: 'litellm',
      operation: 'chat',
      provider: null,
      request: { maxTokens: 64 },
      stream: true,
      finishReason: 'stop',
      principal: { id: 'alice', source: 'metadata.user_api_key_user_id' },
      credential: 'key-1',
      links: [
        { kind: 'net', value: '203.0.113.0/24' },
        { kind: 'credential', value: 'key-1' },
      ],
    },
  },
  {
    name: 'LiteLLM v2',
    scope: 'litellm',
    attributes: chat({ 'litellm.metadata.user_api_key_user_id': 'alice', 'litellm.api_key.hash': 'key-1' }),
    expected: { dialect: 'litellm', principal: { id: 'alice', source: 'litellm.metadata.user_api_key_user_id' }, credential: 'key-1' },
  },
  {
    name: 'vLLM',
    scope: 'vllm.llm_engine',
    span: { name: 'llm_request', kind: 2 },
    attributes: {
      'gen_ai.request.id': 'cmpl-1',
      'gen_ai.request.max_tokens': 16,
      'gen_ai.usage.prompt_tokens': 5,
      'gen_ai.usage.completion_tokens': 16,
    },
    expected: { dialect: 'vllm', operation: 'chat', model: { name: 'shop' }, requestModel: null, tokens: { input: 5, output: 16 } },
  },
  {
    name: 'Triton',
    scope: 'triton-server',
    span: { name: 'resnet' },
    attributes: { model_name: 'resnet', model_version: '3', request_id: '7' },
    expected: { dialect: 'triton', operation: 'predict', model: { name: 'resnet', version: '3' } },
  },
  {
    name: 'OpenLIT',
    scope: 'openlit.otel.tracing',
    attributes: chat({ 'gen_ai.request.user': 'alice', 'gen_ai.request.is_stream': false }),
    expected: { dialect: 'openlit', principal: { id: 'alice', source: 'gen_ai.request.user' }, stream: false },
  },
  {
    name: 'Langfuse',
    scope: 'langfuse-sdk',
    attributes: {
      'langfuse.observation.type': 'generation',
      'langfuse.observation.model.name': 'm',
      'langfuse.observation.model.parameters': '{"temperature":1,"max_tokens":"Infinity"}',
      'langfuse.observation.usage_details': '{"input_tokens":18,"output_tokens":9}',
      'langfuse.observation.metadata.user_id': '"alice"',
      'langfuse.observation.level': 'ERROR',
    },
    expected: {
      dialect: 'langfuse',
      operation: 'chat',
      model: { name: 'm' },
      provider: null,
      tokens: { input: 18, output: 9 },
      request: { maxTokens: null, temperature: 1 },
      principal: { id: 'alice', source: 'langfuse.observation.metadata.user_id' },
      error: true,
    },
  },
  {
    name: 'Vercel AI',
    scope: 'ai',
    attributes: {
      'ai.operationId': 'ai.streamText.doStream',
      'operation.name': 'ai.streamText.doStream answer',
      'gen_ai.system': 'openai.chat',
      'gen_ai.request.model': 'm',
      'ai.settings.maxOutputTokens': 64,
      'ai.response.finishReason': 'tool-calls',
      'ai.usage.inputTokens': 17,
      'ai.telemetry.metadata.userId': 'alice',
      'ai.telemetry.metadata.sessionId': 's-1',
    },
    expected: {
      dialect: 'vercel-ai',
      operation: 'chat',
      provider: 'openai',
      request: { maxTokens: 64 },
      finishReason: 'tool_calls',
      stream: true,
      conversation: 's-1',
      principal: { id: 'alice', source: 'ai.telemetry.metadata.userId' },
    },
  },
  {
    name: 'Vercel AI, embeddings',
    scope: 'ai',
    attributes: {
      'ai.operationId': 'ai.embedMany.doEmbed',
      'ai.model.id': 'e',
      'ai.model.provider': 'openai.embedding',
      'ai.usage.tokens': 5,
      'ai.embeddings': ['[0.1]'],
    },
    expected: { operation: 'embeddings', model: { name: 'e' }, provider: 'openai', tokens: { input: 5 }, stream: false, embedding: null },
  },
  {
    name: 'MLflow',
    scope: 'mlflow',
    attributes: {
      'mlflow.spanType': '"CHAT_MODEL"',
      user: '"alice"',
      model: '"m"',
      max_tokens: '1',
      temperature: '0',
      logprobs: 'true',
      top_logprobs: '5',
      logit_bias: '{"1": 100}',
      'mlflow.chat.tokenUsage': '{"input_tokens":11,"output_tokens":1}',
      'mlflow.spanOutputs': '{"model":"m-2026","choices":[{"finish_reason":"length"}]}',
    },
    expected: {
      dialect: 'mlflow',
      operation: 'chat',
      principal: { id: 'alice', source: 'user' },
      model: { name: 'm-2026' },
      requestModel: 'm',
      tokens: { input: 11, output: 1 },
      request: { maxTokens: 1, temperature: 0, logprobs: true, topLogprobs: 5, logitBiasCount: 1 },
      finishReason: 'length',
    },
  },
  {
    name: 'the Anthropic SDK',
    scope: 'com.anthropic.sdk.python',
    attributes: chat({ 'gen_ai.provider.name': 'anthropic', 'anthropic.message.stop_reason': 'max_tokens' }),
    expected: { dialect: 'anthropic-sdk', provider: 'anthropic', finishReason: 'max_tokens' },
  },
  {
    name: 'a classifier',
    attributes: {
      'tidewatch.operation.name': 'predict',
      'tidewatch.model.name': 'digits',
      'tidewatch.model.version': '3.1',
      'tidewatch.model.digest': 'sha256:aa',
      'tidewatch.prediction.label': '7',
      'tidewatch.prediction.confidence': 0.9,
      'tidewatch.prediction.margin': 0.8,
      'tidewatch.prediction.entropy': 0.5,
      'tidewatch.activation.layer': 'fc2',
      'tidewatch.activation.vector': [1, 0, 2],
      'tidewatch.sampling.ratio': 0.5,
      'tidewatch.content.injection_score': 0.25,
    },
    expected: {
      dialect: 'tidewatch',
      operation: 'predict',
      model: { name: 'digits', version: '3.1', digest: 'sha256:aa' },
      prediction: { label: '7', confidence: 0.9, margin: 0.8, entropy: 0.5 },
      activation: { layer: 'fc2', vector: Float32Array.of(1, 0, 2) },
      samplingRatio: 0.5,
      injectionScore: 0.25,
    },
  },
]

describe('a call is understood in every dialect', () => {
  it.each(dialects)('$name', ({ scope, span, attributes, expected }) => {
    expect(onlyCall(attributes, span, { scope: scope ?? 'test' })).toMatchObject(expected)
  })
})

describe('no call is', () => {
  it.each<[string, Attributes, Partial<SpanSketch>?]>([
    ['a span with a model and tokens but no operation', { 'gen_ai.request.model': 'm', 'gen_ai.usage.input_tokens': 3 }, { kind: 3 }],
    ["an outer span of Vercel's", { 'ai.operationId': 'ai.generateText', 'ai.model.id': 'm', 'ai.usage.inputTokens': 3 }],
    ['an agent', { 'gen_ai.operation.name': 'invoke_agent', model_name: 'm', 'gen_ai.aggregated_usage.input_tokens': 3 }],
    ['a chain', { 'openinference.span.kind': 'CHAIN', 'llm.model_name': 'm' }],
    ['an agent with an operation name and a request type', { 'gen_ai.operation.name': 'create_agent', 'llm.request.type': 'chat' }],
    ['a span with the name of a model only', { model_name: 'm' }, { kind: 2 }],
    ['a retrieval', { 'gen_ai.operation.name': 'retrieval' }],
    ['a workflow', { 'traceloop.span.kind': 'workflow' }],
    ['a client span', { 'http.request.method': 'POST' }, { kind: 3 }],
    ['an operation that the prototype of objects has', { 'gen_ai.operation.name': 'constructor' }],
  ])('%s', (_, attributes, span) => {
    expect(mapSpans([{ ...span, attributes }])).toMatchObject({ events: [], refused: [], ignored: { not_a_call: 1 } })
  })
})

describe('a tool call is', () => {
  it.each<[string, Attributes]>([
    ['execute_tool', { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'get_weather', 'gen_ai.agent.id': 'a-1' }],
    ['an OpenInference tool', { 'openinference.span.kind': 'TOOL', 'tool.name': 'get_weather', 'agent.name': 'a-1' }],
    ["Vercel's ai.toolCall", { 'ai.operationId': 'ai.toolCall', 'ai.toolCall.name': 'get_weather', 'gen_ai.agent.name': 'a-1' }],
    ["OpenLLMetry's tool", { 'traceloop.span.kind': 'tool', 'traceloop.entity.name': 'get_weather', 'gen_ai.agent.name': 'a-1' }],
    ["MLflow's tool", { 'mlflow.spanType': '"TOOL"', 'gen_ai.agent.name': 'a-1' }],
  ])('%s', (_, attributes) => {
    const { events } = mapSpans([{ name: 'get_weather', status: 2, attributes: { ...attributes, 'user.id': 'alice', 'session.id': 's' } }])
    expect(events).toHaveLength(1)
    expect(toolCalls(events)[0]).toMatchObject({
      tool: 'get_weather',
      agent: 'a-1',
      principal: { id: 'alice' },
      conversation: 's',
      error: true,
    })
  })
})

describe('a failed call', () => {
  const exception = { name: 'exception', attributes: { 'exception.type': 'openai.RateLimitError', 'exception.message': '429' } }

  it('counts, with the type of its error: the attribute first, then the exception event', () => {
    expect(onlyCall(chat({ 'error.type': 'RateLimitError' }), { status: 2, events: [exception] })).toMatchObject({
      error: true,
      errorType: 'RateLimitError',
    })
    expect(onlyCall(chat(), { status: 2, events: [exception] })).toMatchObject({ error: true, errorType: 'openai.RateLimitError' })
    expect(onlyCall(chat({ 'error.code': '429' }))).toMatchObject({ error: true, errorType: '429' })
    expect(onlyCall(chat(), { status: 2 })).toMatchObject({ error: true, errorType: null })
    expect(onlyCall(chat(), { status: 1 })).toMatchObject({ error: false, errorType: null })
  })
})

describe('providers', () => {
  it.each([
    ['OpenAI', 'openai'],
    ['openai.responses', 'openai'],
    ['gemini', 'gcp.gemini'],
    ['google.generative-ai', 'gcp.gemini'],
    ['az.ai.openai', 'azure.ai.openai'],
    ['vertex_ai', 'gcp.vertex_ai'],
    ['xai', 'x_ai'],
    ['aws.bedrock', 'aws.bedrock'],
    ['acme', 'acme'],
  ])('%s is %s', (given, normal) => {
    expect(onlyCall(chat({ 'gen_ai.provider.name': given })).provider).toBe(normal)
  })
})

describe('the sampling ratio', () => {
  it('is that of the span, else of the resource', () => {
    const resource = { 'service.name': 'triton', 'tidewatch.sampling.ratio': 0.001 }
    expect(onlyCall({ model_name: 'r', model_version: '1' }, {}, { resource }).samplingRatio).toBe(0.001)
    expect(onlyCall(chat({ 'tidewatch.sampling.ratio': 1 }), {}, { resource }).samplingRatio).toBe(1)
    expect(onlyCall(chat()).samplingRatio).toBeNull()
  })
})
