/** An attribute that may name the principal. */
export interface IdentityRule {
  /** Attribute, or `name#path` inside the JSON text that it holds. */
  readonly name: string
  /** The value may be JSON-encoded once. */
  readonly json?: boolean
  /** What the attribute becomes where another one is the principal. */
  readonly link: 'identity' | 'credential' | 'net'
  /** A session or a conversation: counts per principal mean little. */
  readonly lastResort?: boolean
}

/** First that is an identity wins. Attributes that the user configures come before all of them. */
export const identityRules: readonly IdentityRule[] = [
  { name: 'tidewatch.principal.id', link: 'identity' },
  { name: 'enduser.id', link: 'identity' },
  { name: 'user.id', link: 'identity' },
  { name: 'metadata.user_api_key_end_user_id', link: 'identity' },
  { name: 'litellm.metadata.user_api_key_end_user_id', link: 'identity' },
  { name: 'metadata.user_api_key_user_id', link: 'identity' },
  { name: 'litellm.metadata.user_api_key_user_id', link: 'identity' },
  { name: 'gen_ai.user', link: 'identity' },
  { name: 'gen_ai.request.user', link: 'identity' },
  { name: 'llm.user', link: 'identity' },
  { name: 'ai.telemetry.metadata.userId', link: 'identity' },
  { name: 'traceloop.association.properties.user_id', link: 'identity' },
  { name: 'langfuse.observation.metadata.user_id', json: true, link: 'identity' },
  { name: 'user', json: true, link: 'identity' },
  { name: 'llm.invocation_parameters#user', link: 'identity' },
  { name: 'llm.invocation_parameters#metadata.user_id', link: 'identity' },
  { name: 'embedding.invocation_parameters#user', link: 'identity' },
  { name: 'metadata.user_api_key_hash', link: 'credential' },
  { name: 'litellm.api_key.hash', link: 'credential' },
  { name: 'user.hash', link: 'identity' },
  { name: 'enduser.pseudo.id', link: 'identity' },
  { name: 'client.address', link: 'net' },
  { name: 'metadata.requester_ip_address', link: 'net' },
  { name: 'session.id', link: 'identity', lastResort: true },
  { name: 'gen_ai.conversation.id', link: 'identity', lastResort: true },
]

/** The authenticated credential, kept beside the principal. Attributes that the user configures come first. */
export const credentialNames: readonly string[] = ['metadata.user_api_key_hash', 'litellm.api_key.hash']

/** Values that are the same for everybody and so no identity: absent values as text, LiteLLM's master key. */
export const placeholders: readonly string[] = ['None', 'null', 'undefined', 'default_user_id', 'litellm_proxy_master_key']

/** What logfire leaves of a value that it took out. */
export const scrubbedPrefix = '[Scrubbed due to'
