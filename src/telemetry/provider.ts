/** Names that libraries give to providers, and what the GenAI conventions call them. */
const aliases: Readonly<Record<string, string>> = {
  'az.ai.openai': 'azure.ai.openai',
  'az.ai.inference': 'azure.ai.inference',
  gemini: 'gcp.gemini',
  'google.generative-ai': 'gcp.gemini',
  vertex_ai: 'gcp.vertex_ai',
  vertexai: 'gcp.vertex_ai',
  'google.vertex': 'gcp.vertex_ai',
  bedrock: 'aws.bedrock',
  'amazon-bedrock': 'aws.bedrock',
  xai: 'x_ai',
  mistral: 'mistral_ai',
}

/** Vercel AI and others add the name of the interface: `openai.chat`. */
const interfaceSuffix = /\.(chat|responses|completion|completions|embedding|embeddings|messages|text)$/

/** The provider's name: lower case, without the name of an interface, aliases resolved. */
export function normaliseProvider(name: string): string {
  const plain = name.trim().toLowerCase().replace(interfaceSuffix, '')
  return Object.hasOwn(aliases, plain) ? aliases[plain]! : plain
}
