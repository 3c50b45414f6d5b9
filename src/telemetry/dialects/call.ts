import type { FieldRule } from './rule.ts'

export type CallField =
  | 'tidewatchOperation'
  | 'operation'
  | 'openinferenceKind'
  | 'requestType'
  | 'vercelOperation'
  | 'langfuseType'
  | 'mlflowType'
  | 'traceloopKind'
  | 'vllmRequest'
  | 'tritonModel'
  | 'tritonVersion'
  | 'responseModel'
  | 'requestModel'
  | 'modelVersion'
  | 'modelDigest'
  | 'provider'
  | 'responseId'
  | 'tool'
  | 'agent'

/** What makes a span a call (see `classify.ts`), and of which model. */
export const callRules: readonly FieldRule<CallField>[] = [
  {
    field: 'tidewatchOperation',
    parse: 'text',
    from: ['tidewatch.operation.name'],
    note: '`predict`: a call of a model that is not generative',
  },
  {
    field: 'operation',
    parse: 'text',
    from: ['gen_ai.operation.name'],
    note: 'GenAI conventions of all versions, LiteLLM, OpenLIT, Anthropic SDK',
  },
  { field: 'openinferenceKind', parse: 'text', from: ['openinference.span.kind'], note: 'OpenInference' },
  { field: 'requestType', parse: 'text', from: ['llm.request.type'], note: 'OpenLLMetry, LiteLLM' },
  { field: 'vercelOperation', parse: 'text', from: ['ai.operationId'], note: 'Vercel AI; also tells whether the answer is streamed' },
  { field: 'langfuseType', parse: 'text', from: ['langfuse.observation.type'], note: 'Langfuse' },
  { field: 'mlflowType', parse: 'jsonText', from: ['mlflow.spanType'], note: 'MLflow' },
  { field: 'traceloopKind', parse: 'text', from: ['traceloop.span.kind'], note: 'OpenLLMetry: tools, agents, workflows' },
  { field: 'vllmRequest', parse: 'text', from: ['gen_ai.request.id'], note: 'vLLM, on spans called `llm_request`' },
  { field: 'tritonModel', parse: 'text', from: ['triton.model_name', 'model_name'], note: 'Triton, together with the version' },
  { field: 'tritonVersion', parse: 'text', from: ['triton.model_version', 'model_version'], note: 'Triton' },
  {
    field: 'responseModel',
    parse: 'text',
    from: [
      'tidewatch.model.name',
      'gen_ai.response.model',
      'ai.response.model',
      'llm.response.model_name',
      'llm.model_name',
      'embedding.model_name',
      'langfuse.observation.model.name',
      'mlflow.spanOutputs#model',
    ],
    note: 'the model that answered; wins over the one that was asked for',
  },
  {
    field: 'requestModel',
    parse: 'text',
    from: [
      'gen_ai.request.model',
      'llm.request.model_name',
      'ai.model.id',
      'llm.invocation_parameters#model',
      'llm.invocation_parameters#model_name',
      'embedding.invocation_parameters#model',
      ['mlflow.llm.model', 'jsonText'],
      ['model', 'jsonText'],
    ],
    note: 'the model that was asked for (`model`: MLflow). With no model at all: `service.name` of the resource (vLLM)',
  },
  { field: 'modelVersion', parse: 'text', from: ['tidewatch.model.version'] },
  { field: 'modelDigest', parse: 'text', from: ['tidewatch.model.digest'], note: '`sha256:<hex>` of the weights' },
  {
    field: 'provider',
    parse: 'text',
    from: ['gen_ai.provider.name', 'gen_ai.system', 'llm.provider', 'llm.system', 'ai.model.provider', ['mlflow.llm.provider', 'jsonText']],
    note: 'lower case, API names such as `.chat` cut off, aliases resolved',
  },
  {
    field: 'responseId',
    parse: 'text',
    from: ['gen_ai.response.id', 'ai.response.id'],
    note: 'two spans with one id that overlap are one call',
  },
  {
    field: 'tool',
    parse: 'text',
    from: ['gen_ai.tool.name', 'tool.name', 'ai.toolCall.name', 'traceloop.entity.name'],
    note: 'tool calls; else the name of the span',
  },
  { field: 'agent', parse: 'text', from: ['gen_ai.agent.id', 'gen_ai.agent.name', 'agent.name'] },
]
