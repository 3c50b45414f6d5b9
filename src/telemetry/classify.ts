import { F } from './dialects.ts'
import { type Draft, has, textOf } from './draft.ts'

/** GenAI operation names that are calls, and what they are called here. LiteLLM names its own functions. */
const operations: Readonly<Record<string, string>> = {
  chat: 'chat',
  completion: 'chat',
  acompletion: 'chat',
  responses: 'chat',
  aresponses: 'chat',
  anthropic_messages: 'chat',
  text_completion: 'text_completion',
  atext_completion: 'text_completion',
  generate_content: 'generate_content',
  agenerate_content: 'generate_content',
  embeddings: 'embeddings',
  embedding: 'embeddings',
  aembedding: 'embeddings',
  predict: 'predict',
}

const requestTypes: Readonly<Record<string, string>> = {
  chat: 'chat',
  completion: 'text_completion',
  acompletion: 'chat',
  embedding: 'embeddings',
}

const openinferenceKinds: Readonly<Record<string, string>> = { LLM: 'chat', EMBEDDING: 'embeddings' }
const langfuseTypes: Readonly<Record<string, string>> = { generation: 'chat', embedding: 'embeddings' }
const mlflowTypes: Readonly<Record<string, string>> = { CHAT_MODEL: 'chat', LLM: 'chat', EMBEDDING: 'embeddings' }

/** LiteLLM's copy of the raw request. */
const rawSpanName = 'raw_gen_ai_request'

function lookup(table: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}

interface Verdict {
  readonly role: Draft['role']
  /** Of a call. */
  readonly operation: string
}

const step: Verdict = { role: 'step', operation: '' }
const tool: Verdict = { role: 'tool', operation: '' }
const raw: Verdict = { role: 'raw', operation: '' }
const transport: Verdict = { role: 'transport', operation: '' }
const other: Verdict = { role: 'other', operation: '' }

/**
 * Says what a span is, and of a call which operation and dialect. A call is what an operation name, a kind of a dialect or a request type
 * says to be one: never tokens, a model's name or the OTLP span kind (proxies and frameworks put those on spans that are no calls).
 */
export function classify(draft: Draft, spanKind: number): void {
  const verdict = verdictOn(draft, spanKind)
  draft.role = verdict.role
  draft.operation = verdict.operation
  if (verdict.role === 'call') draft.dialect = dialectOf(draft)
}

function verdictOn(draft: Draft, spanKind: number): Verdict {
  const operation = textOf(draft, F.tidewatchOperation) ?? textOf(draft, F.operation)
  if (operation !== null) {
    const known = lookup(operations, operation)
    if (known !== undefined) return call(known)
    if (operation === 'execute_tool') return tool
  }
  const openinference = textOf(draft, F.openinferenceKind)
  if (openinference !== null) return byKind(lookup(openinferenceKinds, openinference.toUpperCase()), openinference === 'TOOL')
  const vercel = textOf(draft, F.vercelOperation)
  if (vercel !== null) return byKind(vercelOperation(vercel), vercel === 'ai.toolCall')
  const langfuse = textOf(draft, F.langfuseType)
  if (langfuse !== null) return byKind(lookup(langfuseTypes, langfuse.toLowerCase()), langfuse === 'tool')
  const mlflow = textOf(draft, F.mlflowType)
  if (mlflow !== null) return byKind(lookup(mlflowTypes, mlflow), mlflow === 'TOOL')
  if (operation !== null) return step
  const request = textOf(draft, F.requestType)
  const requested = request === null ? undefined : lookup(requestTypes, request)
  // LiteLLM's `completion` is a chat completion.
  if (requested !== undefined) return call(requested === 'text_completion' && isLitellm(draft) ? 'chat' : requested)
  const traceloop = textOf(draft, F.traceloopKind)
  if (traceloop !== null) return traceloop === 'tool' ? tool : step
  if (draft.spanName === 'llm_request' && (has(draft, F.vllmRequest) || draft.scope.startsWith('vllm'))) return call('chat')
  if (has(draft, F.tritonModel) && has(draft, F.tritonVersion)) return call('predict')
  if (draft.spanName === rawSpanName) return raw
  return spanKind === 2 || spanKind === 3 ? transport : other
}

function call(operation: string): Verdict {
  return { role: 'call', operation }
}

function byKind(operation: string | undefined, isTool: boolean): Verdict {
  if (operation !== undefined) return call(operation)
  return isTool ? tool : step
}

/** Vercel's outer spans (`ai.generateText`) are steps, the inner ones (`ai.generateText.doGenerate`) the calls. */
function vercelOperation(id: string): string | undefined {
  if (id.endsWith('.doEmbed')) return 'embeddings'
  return id.includes('.do') ? 'chat' : undefined
}

function isLitellm(draft: Draft): boolean {
  return draft.scope.startsWith('litellm')
}

/** Scopes of OpenLLMetry; the official instrumentations end in `_v2`, or are under `opentelemetry.util.genai`. */
const openllmetryScope =
  /^(@traceloop\/|opentelemetry\.instrumentation\.(openai\.v\d|anthropic|langchain|bedrock|cohere|groq|mistralai|ollama)$)/

function dialectOf(draft: Draft): string {
  if (has(draft, F.tidewatchOperation)) return 'tidewatch'
  if (isLitellm(draft)) return 'litellm'
  if (has(draft, F.openinferenceKind)) return 'openinference'
  if (has(draft, F.vercelOperation)) return 'vercel-ai'
  if (has(draft, F.langfuseType)) return 'langfuse'
  if (has(draft, F.mlflowType)) return 'mlflow'
  if (draft.scope.startsWith('com.anthropic.sdk')) return 'anthropic-sdk'
  if (draft.scope.startsWith('openlit')) return 'openlit'
  if (has(draft, F.requestType) || openllmetryScope.test(draft.scope)) return 'openllmetry'
  if (has(draft, F.operation)) return isOldGenAi(draft) ? 'genai-1.36' : 'genai-1.37'
  return draft.spanName === 'llm_request' ? 'vllm' : 'triton'
}

/** `gen_ai.system` gave way to `gen_ai.provider.name` in version 1.37 of the conventions. */
function isOldGenAi(draft: Draft): boolean {
  return draft.ranks[F.provider] === 1
}
