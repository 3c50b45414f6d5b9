import { isIP } from 'node:net'
import { z } from 'zod'
import { categoryWeights } from '../decisions/budget.ts'
import { isLoopback } from './loopback.ts'
import { bytes, duration, list } from './units.ts'

/**
 * Every option of Tidewatch. The descriptions are the documentation: `docs/configuration.md` and `tidewatch config schema`
 * are made from them. An empty file, or none, must work. `writeOnly` marks secrets: they are masked wherever a configuration is shown.
 */

const host = z.string().min(1)
const port = z.number().int().min(0).max(65535)

/** Text that holds `least` to `most` bytes as base64, after a prefix. */
function base64(least: number, most: number, prefix = '') {
  return z.string().refine(
    (text) => {
      const code = text.startsWith(prefix) ? text.slice(prefix.length) : ''
      const length = /^[A-Za-z0-9+/]+={0,2}$/.test(code) ? Buffer.from(code, 'base64').length : 0
      return length >= least && length <= most
    },
    { error: `expected ${prefix === '' ? '' : `\`${prefix}\` and `}base64 of ${least} to ${most} bytes` },
  )
}

const data = z.strictObject({
  directory: z
    .string()
    .default('./tidewatch-data')
    .describe('Folder for the embedded store, the journal and the identity key. One process a folder.'),
  maxBytes: bytes
    .prefault('20 GB')
    .describe(
      'Bound on the disk that this folder takes. Beyond it the oldest data of the embedded store are dropped before their retention is over; at 80 % it is told.',
    ),
})

const tlsFiles = z.strictObject({
  ca: z.string().optional().describe('PEM file of the certificate authority.'),
  cert: z.string().optional().describe('PEM file of the client certificate.'),
  key: z.string().optional().describe('PEM file of the client key.'),
  rejectUnauthorized: z.boolean().default(true).describe('Refuse brokers whose certificate does not hold.'),
})

const kafka = z.strictObject({
  brokers: list
    .prefault([])
    .describe('host:port of the brokers. Empty: Kafka is not used and telemetry comes in by OTLP only. Text with commas is a list, too.'),
  clientId: z.string().default('tidewatch').describe("Name that the brokers' logs and quotas know this client by."),
  groupId: z.string().default('tidewatch').describe('Consumer group; instances of one deployment share it.'),
  topics: z
    .strictObject({
      traces: z.string().default('otlp_spans').describe('Topic of the spans.'),
      metrics: z.string().default('otlp_metrics').describe('Topic of the metrics.'),
      logs: z.string().default('otlp_logs').describe('Topic of the log records.'),
      events: z.string().default('tidewatch.events').describe('From ingest to detect. Made by Tidewatch.'),
      observations: z.string().default('tidewatch.observations').describe('From detect to decide: one partition. Made by Tidewatch.'),
      claims: z.string().default('tidewatch.claims').describe('Which range of which partition is in work. Compacted. Made by Tidewatch.'),
    })
    .prefault({})
    .describe(
      "Topics: with one OTLP export request a record, as the Collector's Kafka exporter writes them, and those between the stages.",
    ),
  routing: z
    .boolean()
    .default(true)
    .describe(
      'Sort events by what must be seen together, through `topics.events`. `false` where producers key their records by principal: ingest then detects as well, and a subject that turns up in two partitions is an alert.',
    ),
  eventPartitions: z
    .number()
    .int()
    .min(1)
    .max(1024)
    .default(12)
    .describe('Partitions of `topics.events`: at most so many members detect at once. Fixed once the topic is made.'),
  replicationFactor: z
    .number()
    .int()
    .default(-1)
    .describe('Copies of the topics that Tidewatch makes; -1 for what the brokers do by default.'),
  stageRetention: duration
    .prefault('7d')
    .describe(
      'How long the topics between the stages keep their records: longer than an outage, longer than the way back to a checkpoint.',
    ),
  startFrom: z
    .enum(['earliest', 'latest'])
    .default('earliest')
    .describe('Where a group without a stored place starts: everything that the log still holds, or only what comes.'),
  onOffsetOutOfRange: z
    .enum(['earliest', 'latest', 'stop'])
    .default('earliest')
    .describe(
      'The log lost records that were not read yet: go on at the oldest one (gap counted and logged), at the newest, or stop with an error.',
    ),
  onTopicRecreated: z
    .enum(['earliest', 'stop'])
    .default('earliest')
    .describe('A topic was deleted and created again: read the new one from its start, or stop with an error.'),
  tls: z
    .union([z.boolean(), tlsFiles], { error: 'expected true, false, or the files of a TLS client' })
    .default(false)
    .describe('Encrypt the connection: `true` with the certificate authorities of the system, or the files to use.'),
  sasl: z
    .strictObject({
      mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).describe('How the client proves who it is.'),
      username: z.string().describe('User at the brokers.'),
      password: z.string().meta({ writeOnly: true, description: 'Password of that user. Use `${ENV}`.' }),
    })
    .optional()
    .describe('Login at the brokers. Absent: none.'),
  sessionTimeout: duration.prefault('30s').describe('Time until a silent member loses its partitions.'),
  maxBytesPerPartition: bytes.prefault('4 MB').describe('Most bytes of a partition in one fetch.'),
  maxWait: duration.prefault('400ms').describe('Longest wait for new records in one fetch.'),
})

const otlp = z.strictObject({
  http: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Receive OTLP over HTTP (`/v1/traces`, `/v1/metrics`, `/v1/logs`).'),
      host: host.default('127.0.0.1').describe('Address to listen on; `0.0.0.0` for all.'),
      port: port.default(4318).describe('0 takes a free port.'),
    })
    .prefault({})
    .describe('The OTLP/HTTP receiver.'),
  grpc: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Receive OTLP over gRPC.'),
      host: host.default('127.0.0.1').describe('Address to listen on; `0.0.0.0` for all.'),
      port: port.default(4317).describe('0 takes a free port.'),
    })
    .prefault({})
    .describe('The OTLP/gRPC receiver.'),
  maxRequestBytes: bytes.prefault('16 MB').describe('Largest request after decompression; larger ones are refused with 413.'),
  maxInFlight: z.number().int().positive().default(64).describe('Requests being made durable at once; more are told to come back (429).'),
})

const journal = z.strictObject({
  fsync: z
    .enum(['always', 'interval', 'never'])
    .default('interval')
    .describe(
      'When a received request is forced to the disk: before each answer, every `fsyncInterval` (answers wait for it), or when the system likes.',
    ),
  fsyncInterval: duration.prefault('20ms').describe('Group commit: requests answered together after one fsync.'),
  segmentBytes: bytes.prefault('64 MB').describe('Size at which the next file of the journal is begun.'),
  maxBytes: bytes.prefault('2 GB').describe('Bound on the disk that the journal takes; beyond it senders are told to wait (503).'),
})

const ingest = z.strictObject({
  maxRecordBytes: bytes.prefault('16 MB').describe('Larger records go to the dead letters undecoded.'),
  maxDepth: z.number().int().positive().default(32).describe('Deepest nesting of attribute values.'),
  maxVectorLength: z.number().int().positive().default(16384).describe('Longer vectors are dropped and counted.'),
  clock: z
    .strictObject({
      maxPast: duration
        .prefault('90d')
        .describe(
          'Events older than this before the append time of their record are clamped to it. Files have no append time: their events are taken as they are.',
        ),
      maxFuture: duration.prefault('1h').describe('Events further than this after the append time of their record are clamped to it.'),
    })
    .prefault({})
    .describe("How far a producer's clock is believed."),
  joinWindow: duration.prefault('10s').describe('How long a call waits for its parent span in another request, in event time.'),
  joinSpans: z.number().int().positive().default(50_000).describe('Most calls that wait.'),
})

const state = z.strictObject({
  checkpointEvery: z
    .strictObject({
      records: z.number().int().positive().default(100_000).describe('Records of the log.'),
      bytes: bytes.prefault('64 MB').describe('Bytes of the log; an eighth of `journal.maxBytes` if that is less.'),
      eventTime: duration.prefault('10m').describe('Event time, counted when the log has grown by the size of the state or more.'),
    })
    .prefault({})
    .describe('What may lie between two checkpoints, whatever comes first: about as much is read again after a crash.'),
})

const identity = z.strictObject({
  hash: z.boolean().default(true).describe('Store principals as keyed hashes.'),
  key: base64(32, 4096).optional().meta({
    writeOnly: true,
    description:
      'Base64 of 32 bytes or more. Made on first start and kept in the data folder when absent; must be set when several instances share a log.',
  }),
  attributes: list.prefault([]).describe('Attributes of your own that name the principal, tried before all known ones.'),
  credential: list.prefault([]).describe('Attributes of your own that name the authenticated credential, tried before the known ones.'),
  placeholders: list.prefault([]).describe('More values that are no identity.'),
})

const content = z.strictObject({
  keep: z
    .boolean()
    .default(false)
    .describe('Keep prompt text in the store. Off: text becomes a fingerprint, a skeleton hash and an embedding, and is dropped.'),
  embeddingDimensions: z
    .number()
    .int()
    .min(16)
    .max(1024)
    .default(96)
    .describe('Length of the embedding made from text (hashed n-grams) where the producer sends none.'),
})

const deadLetters = z.strictObject({
  maxBytes: bytes.prefault('64 KB').describe('Bytes of a refused record that are kept.'),
  maxShare: z.number().min(0).max(1).default(0.5).describe('Share of refused records among the last 1000 of a partition that stops it.'),
  maxRun: z.number().int().positive().default(1000).describe('Refused records in a row that stop a partition.'),
})

const store = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: 'expected the http:// or https:// URL of a ClickHouse server' })
    .optional()
    .meta({
      writeOnly: true,
      description: 'http(s)://user:password@host:8123/database of a ClickHouse server. Absent: the embedded engine in the data folder.',
    }),
  database: z.string().default('tidewatch').describe('Database of the tables.'),
  username: z.string().optional().describe('User of the server, where the URL names none.'),
  password: z.string().optional().meta({ writeOnly: true, description: 'Password of that user. Use `${ENV}`.' }),
  cluster: z.string().optional().describe('Name of the ClickHouse cluster: tables are made ON CLUSTER with Replicated engines.'),
  retention: z
    .strictObject({
      calls: duration.prefault('30d').describe('Single calls.'),
      aggregates: duration.prefault('400d').describe('Counts per minute, by model and by principal.'),
      deadLetters: duration.prefault('14d').describe('Refused records.'),
      alerts: duration.prefault('400d').describe('Alerts and their deliveries.'),
    })
    .prefault({})
    .describe('How long rows are kept; older ones are removed by the engine.'),
  deduplicationWindow: z.number().int().min(1000).default(10_000).describe('Blocks for which a repeated insert is recognised.'),
  requestTimeout: duration.prefault('30s').describe('Deadline of one statement.'),
})

/** Names and passwords in a URL are not sent by `fetch`, which refuses it. */
function withoutLogin(url: string): boolean {
  return !URL.canParse(url) || (new URL(url).username === '' && new URL(url).password === '')
}

const signingSecret = base64(24, 64, 'whsec_')

const categories = ['extraction', 'poisoning', 'activation', 'signal', 'trust'] as const
const subjectKinds = [
  'principal',
  'credential',
  'cluster',
  'source',
  'shard',
  'client',
  'run',
  'model',
  'layer',
  'series',
  'service',
  'fleet',
] as const

const webhook = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]*$/, { error: 'expected lower-case letters, digits and hyphens' })
      .describe('Name of the receiver in logs, metrics and the table of deliveries.'),
    url: z
      .url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' })
      .refine(withoutLogin, { error: 'expected a URL without user and password; deliveries are signed' })
      .describe('Where alerts are posted to. No secrets in it: it is shown.'),
    format: z
      .enum(['standard', 'slack', 'pagerduty', 'alertmanager', 'ocsf'])
      .default('standard')
      .describe('What is posted: the signed alert (Standard Webhooks), or what Slack, PagerDuty, Alertmanager or an OCSF collector reads.'),
    secret: list.optional().meta({
      writeOnly: true,
      description:
        '`standard`: `whsec_` and base64 of 24 to 64 bytes; two while it is changed. `slack`: what follows `/services/` in the webhook URL. `pagerduty`: the integration key. `alertmanager`, `ocsf`: a bearer token, if one is asked for. Use `${ENV}`.',
    }),
    categories: z.array(z.enum(categories)).optional().describe('Only these; absent: all.'),
    minSeverity: z.enum(['low', 'medium', 'high', 'critical']).default('low').describe('Nothing below it.'),
    models: list
      .optional()
      .describe(
        'Only incidents about these models, as the alert names them; `*` stands for any text. Absent: all, and those about no model.',
      ),
    subjectKinds: z.array(z.enum(subjectKinds)).optional().describe('Only incidents about such subjects; absent: all.'),
    timeout: duration.prefault('10s').describe('Deadline of one attempt.'),
    maxAge: duration.prefault('3d').describe('A delivery is given up after this long.'),
    maxPerMinute: z
      .number()
      .int()
      .positive()
      .default(60)
      .describe('Requests a minute; what a flood leaves over then goes out together, as one digest a minute.'),
  })
  .superRefine(({ format, secret }, context) => {
    const refuse = (message: string) => context.addIssue({ code: 'custom', path: ['secret'], message })
    const optional = format === 'alertmanager' || format === 'ocsf'
    if (secret === undefined || secret.length === 0) {
      if (!optional) refuse('is required')
    } else if (format === 'standard') {
      const wrong = secret.map((one) => signingSecret.safeParse(one).error).find((error) => error !== undefined)
      if (wrong) refuse(wrong.issues[0]!.message)
      else if (secret.length > 2) refuse('expected one secret, or two while it is changed')
    } else if (secret.length > 1) refuse('expected one secret')
  })

const webhooks = z.array(webhook).superRefine((hooks, context) => {
  for (const [index, hook] of hooks.entries()) {
    if (hooks.findIndex((other) => other.name === hook.name) < index)
      context.addIssue({ code: 'custom', path: [index, 'name'], message: `two webhooks are called \`${hook.name}\`` })
  }
})

const delivery = z.strictObject({
  pageWithin: duration
    .prefault('3d')
    .describe('Alerts that are older than this (event time) when they come to be sent, as out of a backlog, are recorded and not sent.'),
  allowNetworks: list
    .prefault(['loopback'])
    .superRefine((networks, context) => {
      if (!networks.every(isNetwork))
        context.addIssue({ code: 'custom', message: 'expected `loopback`, `private`, or networks such as `10.1.0.0/16`' })
    })
    .describe(
      'Networks besides the public internet that webhooks may be sent to: `loopback`, `private` (all private ranges), or single ones such as `10.1.0.0/16`. Link-local and cloud metadata addresses are never allowed.',
    ),
})

function isNetwork(text: string): boolean {
  if (text === 'loopback' || text === 'private') return true
  const [address = '', bits] = text.split('/')
  const version = isIP(address)
  return version !== 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)))
}

const server = z
  .strictObject({
    host: host.default('127.0.0.1').describe('Address to listen on; any but a loopback address needs `tokens`.'),
    port: port.default(8686).describe('API, console, health and metrics. 0 takes a free port.'),
    tokens: z
      .array(
        z.strictObject({
          name: z.string().min(1).describe('Who holds it.'),
          token: z.string().min(16).meta({ writeOnly: true, description: 'The bearer token, 16 characters or more. Use `${ENV}`.' }),
          role: z.enum(['viewer', 'operator']).describe('A viewer reads; an operator also acknowledges, silences and replays.'),
        }),
      )
      .default([])
      .describe('Bearer tokens. Without any, only a loopback host is accepted.'),
  })
  .superRefine((value, context) => {
    if (value.tokens.length === 0 && !isLoopback(value.host))
      context.addIssue({
        code: 'custom',
        path: ['host'],
        message: 'without `server.tokens` only a loopback address such as 127.0.0.1 is accepted',
      })
  })

/** One field for each category. */
function byCategory<Field extends z.ZodType>(field: (category: (typeof categories)[number]) => Field) {
  const fields = Object.fromEntries(categories.map((category) => [category, field(category)]))
  return fields as Record<(typeof categories)[number], Field>
}

const decisions = z.strictObject({
  falseIncidentsPerDay: z
    .number()
    .positive()
    .default(1)
    .describe('The false-alarm budget: expected false incidents opened a day over all detectors together.'),
  weights: z
    .strictObject(
      byCategory((category) =>
        z
          .number()
          .positive()
          .default(categoryWeights[category])
          .describe(`Weight of ${category}; all weights together have the one budget, whatever they sum to.`),
      ),
    )
    .prefault({})
    .describe('How the categories share the budget. One without telemetry leaves its part to the others.'),
  leastEffect: z
    .strictObject(
      byCategory((category) =>
        z
          .number()
          .positive()
          .default(1)
          .describe(`How many times the smallest effect of its detectors an incident of ${category} must show, however sure it is.`),
      ),
    )
    .prefault({})
    .describe('Floors on the effect: 2 asks for twice as many calls, or twice as many flipped labels, as the detectors do.'),
  disabled: list.prefault([]).describe('Detectors that are switched off; `tidewatch detectors` lists the names.'),
})

const log = z.strictObject({
  level: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info').describe('Least level that is logged (to stderr).'),
})

const stageNames = ['ingest', 'detect', 'decide'] as const
export type StageName = (typeof stageNames)[number]

const poisoning = z.strictObject({
  billOfMaterials: z
    .array(z.string().min(1))
    .min(1, { error: 'expected at least one digest, or no list at all' })
    .optional()
    .describe(
      'Digests of all shards that training may see, as `tidewatch.training.shard.digest` tells them; `sha256:` may be left out. A shard with another digest is reported, a change to a listed one is not. Absent: nobody says.',
    ),
})

const everything = z.strictObject({
  stages: z
    .array(z.enum(stageNames))
    .min(1)
    .default([...stageNames])
    .describe('Stages that this process runs. Fewer than all need Kafka between them.'),
  data: data.prefault({}).describe('What Tidewatch keeps on its own disk.'),
  kafka: kafka.prefault({}).describe('Telemetry from Kafka.'),
  otlp: otlp.prefault({}).describe('Telemetry straight from SDKs and Collectors.'),
  journal: journal.prefault({}).describe('The log on disk that received telemetry stands in until it is stored.'),
  ingest: ingest.prefault({}).describe('How telemetry becomes events.'),
  state: state.prefault({}).describe('What the detectors remember, as it is saved in the store.'),
  identity: identity.prefault({}).describe('Who is behind a call.'),
  content: content.prefault({}).describe('Prompt text.'),
  deadLetters: deadLetters.prefault({}).describe('Records that are refused, and how many of them mean that a producer is broken.'),
  store: store.prefault({}).describe('Where calls, aggregates and alerts are kept.'),
  webhooks: webhooks.default([]).describe('Receivers of alerts.'),
  delivery: delivery.prefault({}).describe('Which webhooks are sent, and where they may go.'),
  server: server.prefault({}).describe('API, console, health and metrics.'),
  decisions: decisions.prefault({}).describe('From scores to alerts.'),
  poisoning: poisoning.prefault({}).describe('What is known of the data that models are trained on.'),
  log: log.prefault({}).describe("Tidewatch's own log."),
  seed: z
    .number()
    .int()
    .nonnegative()
    .default(1)
    .describe('Seed of all random projections and reservoirs. Another seed, other sketches: state does not carry over.'),
})

export const configSchema = everything.superRefine(({ stages, kafka }, context) => {
  if (stages.length < stageNames.length && kafka.brokers.length === 0)
    context.addIssue({ code: 'custom', path: ['stages'], message: 'all of them are needed where no `kafka.brokers` are between them' })
})

/** The configuration after defaults; durations are seconds, sizes bytes. */
export type Config = z.output<typeof configSchema>
export type WebhookConfig = Config['webhooks'][number]
