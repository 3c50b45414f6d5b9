/**
 * Where the text of a prompt stands, best source first. Only what the user said is used (`text/user-text.ts`), and only where the
 * telemetry has no fingerprint or embedding of the input. Answers are never read.
 */
export interface ContentRule {
  /** Attribute; with a dot at the end, a family of flattened messages (`gen_ai.prompt.0.content`). */
  readonly name: string
  /** `value`: text, JSON or structured messages. `flat`: members are `N.role`, `N.content` and so on. */
  readonly shape: 'value' | 'flat'
  /** Read from span events of these names, too. */
  readonly events?: readonly string[]
  /** Not read from the span itself: the name says too little there. */
  readonly eventsOnly?: boolean
}

export const contentRules: readonly ContentRule[] = [
  { name: 'gen_ai.input.messages', shape: 'value', events: ['gen_ai.client.inference.operation.details'] },
  { name: 'llm.input_messages.', shape: 'flat' },
  { name: 'gen_ai.prompt.', shape: 'flat' },
  { name: 'ai.prompt.messages', shape: 'value' },
  { name: 'ai.prompt', shape: 'value' },
  { name: 'ai.values', shape: 'value' },
  { name: 'ai.value', shape: 'value' },
  { name: 'langfuse.observation.input', shape: 'value' },
  { name: 'mlflow.spanInputs', shape: 'value' },
  { name: 'input.value', shape: 'value' },
  { name: 'gen_ai.prompt', shape: 'value', events: ['gen_ai.content.prompt'] },
  { name: 'gen_ai.event.content', shape: 'value', events: ['gen_ai.user.message'] },
  { name: 'content', shape: 'value', events: ['gen_ai.user.message'], eventsOnly: true },
]
