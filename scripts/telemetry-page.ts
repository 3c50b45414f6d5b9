import { callRules } from '../src/telemetry/dialects/call.ts'
import { contentRules } from '../src/telemetry/dialects/content.ts'
import { exchangeRules } from '../src/telemetry/dialects/exchange.ts'
import { credentialNames, identityRules, placeholders } from '../src/telemetry/dialects/identity.ts'
import { ownRules } from '../src/telemetry/dialects/own.ts'
import type { FieldRule } from '../src/telemetry/dialects/rule.ts'
import { clampReasons, ignoreReasons } from '../src/telemetry/reasons.ts'

/** `docs/telemetry.md`: what is read, made from the tables that the mapping itself is made from. */
export function telemetryPage(): string {
  return [
    intro,
    '## What a call is understood from',
    callText,
    fields(callRules),
    '## What was asked, what it cost, how it ended',
    'Names are asked in this order; the first that has a value of the right type wins. `name#path` is a path inside the JSON text that the attribute holds.',
    fields(exchangeRules),
    '## Names that Tidewatch defines',
    'Vectors come in three forms: an OTLP array of numbers, OTLP bytes, or base64 text; bytes and base64 hold little-endian float32.',
    fields(ownRules),
    embeddingText,
    '## Who made a call',
    identityText,
    identityRules
      .map(({ name, lastResort }, index) => `${index + 1}. \`${name}\`${lastResort ? ' (last resort: a session, not somebody)' : ''}`)
      .join('\n'),
    `No identity: empty text, text that begins with \`[Scrubbed due to\`, and ${placeholders.map((value) => `\`${value}\``).join(', ')}; \`identity.placeholders\` adds more.`,
    `Credential: \`identity.credential\` of the configuration, then ${credentialNames.map((name) => `\`${name}\``).join(', ')}.`,
    linkText,
    '## One call is one event',
    joinText,
    '## Text',
    textText,
    contentRules.map(contentLine).join('\n'),
    '## Training, metrics, agents',
    restText,
    '## What is clamped, dropped or ignored',
    reasonText,
    reasons('Clamped or dropped inside of what is used', clampReasons),
    reasons('Spans and log records that become no event of their own', ignoreReasons),
    '',
  ].join('\n\n')
}

const intro = `# Telemetry

<!-- Made from src/telemetry by \`npm run docs\`; do not edit. -->

Tidewatch reads OTLP traces, logs and metrics, as protobuf or JSON, and makes events of them: calls of models, calls of tools, training samples,
updates of federated clients, points of metrics. \`tidewatch inspect FILE...\` shows what it makes of yours.

It understands the GenAI conventions of all versions in the field, OpenInference, OpenLLMetry, LiteLLM (SDK and proxy, v1 and v2), vLLM, Triton,
OpenLIT, Langfuse, Vercel AI, MLflow, and the Anthropic SDK's own spans. Attributes that no table below names are not even decoded.`

const callText = `A span is a call because it says so: by an operation name (\`chat\`, \`generate_content\`, \`text_completion\`, \`embeddings\`, and LiteLLM's names for the
same), by a kind (\`openinference.span.kind\` LLM or EMBEDDING, \`ai.operationId\` with \`.do\`, \`langfuse.observation.type\` generation or embedding,
\`mlflow.spanType\` CHAT_MODEL, LLM or EMBEDDING), by \`llm.request.type\` where there is no operation name, as vLLM's \`llm_request\`, by Triton's model
name together with its version, or by \`tidewatch.operation.name\`. Tokens, a model's name or the span kind make no call: proxies and frameworks put those on
spans that are none. Failed calls count.

- Models of another service or environment are other models.
- LiteLLM's proxy writes to a span of FastAPI that has ended already, so that calls lose all their attributes; \`USE_OTEL_LITELLM_REQUEST_SPAN=true\` repairs it.
- Triton traces one in 1000 requests by default. Set \`--trace-config rate=1\`, or tell the share as \`tidewatch.sampling.ratio\` in the resource.`

const embeddingText = `Vectors that a model gives as its answer (\`embedding.embeddings.N.embedding.vector\` of OpenInference, \`ai.embeddings\` of Vercel AI) are not read: they are
what an embedding model sells, not what was asked, and their length is the caller's choice.`

const identityText = `The first of these attributes that is an identity names the principal, and the event keeps which one it was. Attributes of your own
(\`identity.attributes\`) come before all of them. Values may be encoded as JSON once (MLflow, Langfuse).`

const linkText = `What accounts of one operator may share becomes links: \`net\` (the /24 or /48 of the client's address), \`agent\` (the user agent), \`credential\`, \`identity\` (every
identity that was not chosen), and \`tidewatch.link.KIND\` for kinds of your own. Whoever changes a claimed name so stays known by the rest.

With \`identity.hash\` (the default) principals, credentials, conversations and the values of links are stored as \`h-\` and 24 hex digits of HMAC-SHA256. The key
is made on first start and kept in \`identity.key\` of the data folder (mode 0600), or comes from \`identity.key\` of the configuration. Another key makes strangers
of all known principals. \`replay\` and \`inspect\` show identities in the clear unless \`--hash-identities\` is given.`

const joinText = `Libraries, proxies and instrumentations each make a span of the same call. One counts: the outermost of calls that stand right under each other, or have nothing
but clients' and servers' spans between them. It takes over what the others tell besides, and the best identity of all. Tools, agents, chains and functions in
between part calls. LiteLLM's \`raw_gen_ai_request\` gives its parent the parameters that only it tells. Two spans with one response id that overlap in time and come
from two instrumentations are one call, too (within a request).

A call whose parent is in another request waits for it, at most \`ingest.joinWindow\` of event time and \`ingest.joinSpans\` calls. When its parent comes and is a call,
the two are joined; when it is none, the call is given out. After the window the call is given out with \`possibleDuplicate\`. Roots, and calls whose parent is known,
never wait. A parent that was given out before its child came counts alone; what the child would have added is lost (\`same_call_late\`). The state of the
window is a pure function of the log and is saved with the rest.`

const textText = `Text of prompts is optional. Where it is there, and the telemetry has no fingerprint or no embedding of the input, the user's last message (no system prompts,
answers, tool results or images; of an embedding call its inputs) becomes a fingerprint (64-bit SimHash over words, pairs of words and character 4-grams), a skeleton
hash (quoted parts, addresses, numbers and names masked) and an embedding (the same features hashed to \`content.embeddingDimensions\` places, length 1). The text is then
dropped, unless \`content.keep\` says otherwise; texts are cut at 16384 characters. The same text gives the same features whichever dialect brings it. Sources, in order:`

const restText = `Log records called \`tidewatch.training.sample\` and \`tidewatch.training.update\` (in the field \`eventName\` or the attribute \`event.name\`) are training. Log records of the GenAI
conventions repeat what a span tells and are ignored. A series of metrics is called \`name{key=value,...}\` with sorted attributes; values that are not finite are kept.
\`execute_tool\` spans, and those of OpenInference, OpenLLMetry, Vercel AI, Langfuse and MLflow that are tools, are tool calls.`

const reasonText = `Nothing is dropped silently: everything below is counted by its name (\`tidewatch inspect\` and \`/metrics\` show the counts). What claims to be something but cannot be used
(a call without any time, a training sample without a run) becomes a dead letter with TW_TELEMETRY_UNUSABLE.`

function fields(rules: readonly FieldRule<string>[]): string {
  const rows = rules.map(({ field, from, note }) => `| ${field} | ${names(from)} | ${note ?? ''} |`)
  return `| field | read from, best first | note |\n|---|---|---|\n${rows.join('\n')}`
}

/** LiteLLM's raw names differ by provider only. */
function names(from: FieldRule<string>['from']): string {
  const plain = from.map((source) =>
    (typeof source === 'string' ? source : source[0]).replace(
      /^llm\.[a-z_]+\.((top_)?logprobs|logit_bias|temperature|top_p)$/,
      'llm.PROVIDER.$1',
    ),
  )
  return [...new Set(plain)].map((name) => `\`${name}\``).join(', ')
}

function contentLine({ name, shape, events, eventsOnly }: (typeof contentRules)[number], index: number): string {
  const where =
    events === undefined ? '' : ` (${eventsOnly ? 'in' : 'also in'} span events ${events.map((event) => `\`${event}\``).join(', ')})`
  return `${index + 1}. \`${name}${shape === 'flat' ? 'N. ...' : ''}\`${where}`
}

function reasons(title: string, table: Readonly<Record<string, string>>): string {
  return `| ${title} | |\n|---|---|\n${Object.entries(table)
    .map(([reason, meaning]) => `| \`${reason}\` | ${meaning} |`)
    .join('\n')}`
}
