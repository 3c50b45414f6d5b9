import type { FieldRule } from './rule.ts'

export type ExchangeField =
  | 'inputTokens'
  | 'outputTokens'
  | 'maxTokens'
  | 'temperature'
  | 'topP'
  | 'logprobs'
  | 'topLogprobs'
  | 'logitBiasCount'
  | 'stream'
  | 'finishReason'
  | 'errorType'
  | 'errorCode'
  | 'errorLevel'

/** LiteLLM copies the raw request to a child span under the name of the provider's interface. Its values are Python's. */
const rawProviders = ['openai', 'azure', 'hosted_vllm', 'openrouter', 'groq', 'together_ai', 'deepseek', 'mistral', 'xai', 'fireworks_ai']

function raw(parameter: string): string[] {
  return rawProviders.map((provider) => `llm.${provider}.${parameter}`)
}

function parameters(...names: string[]): string[] {
  return names.flatMap((name) => [`llm.invocation_parameters#${name}`, `langfuse.observation.model.parameters#${name}`])
}

/** What was asked for, what it cost and how it ended. */
export const exchangeRules: readonly FieldRule<ExchangeField>[] = [
  {
    field: 'inputTokens',
    parse: 'count',
    from: [
      'gen_ai.usage.input_tokens',
      'gen_ai.usage.prompt_tokens',
      'llm.token_count.prompt',
      'ai.usage.inputTokens',
      'ai.usage.promptTokens',
      'ai.usage.tokens',
      'llm.usage.prompt_tokens',
      'langfuse.observation.usage_details#input',
      'langfuse.observation.usage_details#input_tokens',
      'langfuse.observation.usage_details#prompt_tokens',
      'mlflow.chat.tokenUsage#input_tokens',
    ],
  },
  {
    field: 'outputTokens',
    parse: 'count',
    from: [
      'gen_ai.usage.output_tokens',
      'gen_ai.usage.completion_tokens',
      'llm.token_count.completion',
      'ai.usage.outputTokens',
      'ai.usage.completionTokens',
      'llm.usage.completion_tokens',
      'langfuse.observation.usage_details#output',
      'langfuse.observation.usage_details#output_tokens',
      'langfuse.observation.usage_details#completion_tokens',
      'mlflow.chat.tokenUsage#output_tokens',
    ],
  },
  {
    field: 'maxTokens',
    parse: 'count',
    from: [
      'gen_ai.request.max_tokens',
      'ai.settings.maxOutputTokens',
      'ai.settings.maxTokens',
      ...parameters('max_tokens', 'max_completion_tokens', 'max_output_tokens'),
      'max_tokens',
      'max_completion_tokens',
      'max_output_tokens',
    ],
    note: 'bare names: MLflow',
  },
  {
    field: 'temperature',
    parse: 'number',
    from: ['gen_ai.request.temperature', 'ai.settings.temperature', ...parameters('temperature'), 'temperature', ...raw('temperature')],
  },
  { field: 'topP', parse: 'number', from: ['gen_ai.request.top_p', 'ai.settings.topP', ...parameters('top_p'), 'top_p', ...raw('top_p')] },
  {
    field: 'logprobs',
    parse: 'flag',
    from: ['tidewatch.request.logprobs', ...parameters('logprobs', 'response_logprobs'), 'logprobs', ...raw('logprobs')],
  },
  {
    field: 'topLogprobs',
    parse: 'count',
    from: ['tidewatch.request.top_logprobs', ...parameters('top_logprobs'), 'top_logprobs', ...raw('top_logprobs')],
  },
  {
    field: 'logitBiasCount',
    parse: 'size',
    from: [['tidewatch.request.logit_bias.count', 'count'], ...parameters('logit_bias'), 'logit_bias', ...raw('logit_bias')],
    note: 'how many tokens are biased',
  },
  {
    field: 'stream',
    parse: 'flag',
    from: [
      'gen_ai.request.stream',
      'gen_ai.is_streaming',
      'llm.is_streaming',
      'gen_ai.request.is_stream',
      'llm.invocation_parameters#stream',
      'llm.invocation_parameters#streaming',
      'stream',
    ],
  },
  {
    field: 'finishReason',
    parse: 'first',
    from: [
      'gen_ai.response.finish_reasons',
      'gen_ai.response.finish_reason',
      'llm.finish_reason',
      'llm.response.finish_reason',
      'gen_ai.completion.0.finish_reason',
      'ai.response.finishReason',
      'anthropic.message.stop_reason',
      'mlflow.spanOutputs#choices.0.finish_reason',
    ],
    note: 'lower case, `_` for `-`',
  },
  { field: 'errorType', parse: 'text', from: ['error.type', 'exception.type'], note: 'of the span, else of its `exception` event' },
  { field: 'errorCode', parse: 'text', from: ['error.code'], note: 'LiteLLM' },
  { field: 'errorLevel', parse: 'text', from: ['langfuse.observation.level'], note: 'Langfuse: `ERROR`' },
]
