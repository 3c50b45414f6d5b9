import { z } from 'zod'

/**
 * Every option of Tidewatch. The descriptions are the documentation: `docs/configuration.md` and `tidewatch config schema`
 * are made from them. An empty file, or none, must work.
 */

const bytes = z.union([z.number().int().positive(), z.string().regex(/^\d+(\.\d+)? ?(B|KB|MB|GB|TB)$/i)]).transform((value) => {
  if (typeof value === 'number') return value
  const [, amount, unit] = /^([\d.]+) ?(\w+)$/.exec(value)!
  return Math.round(
    Number(amount) * { b: 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30, tb: 2 ** 40 }[unit!.toLowerCase() as 'b' | 'kb' | 'mb' | 'gb' | 'tb'],
  )
})

const duration = z.union([z.number().nonnegative(), z.string().regex(/^\d+(\.\d+)? ?(ms|s|m|h|d)$/)]).transform((value) => {
  if (typeof value === 'number') return value
  const [, amount, unit] = /^([\d.]+) ?(\w+)$/.exec(value)!
  return Number(amount) * { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400 }[unit as 'ms' | 's' | 'm' | 'h' | 'd']
})

const data = z.strictObject({
  directory: z
    .string()
    .default('./tidewatch-data')
    .describe('Folder for the embedded store, the journal and the identity key. One process a folder.'),
})

const kafka = z.strictObject({
  brokers: z
    .array(z.string())
    .default([])
    .describe('host:port of the brokers. Empty: Kafka is not used and telemetry comes in by OTLP only.'),
  clientId: z.string().default('tidewatch'),
  groupId: z.string().default('tidewatch').describe('Consumer group; instances of one deployment share it.'),
  topics: z
    .strictObject({
      traces: z.string().default('otlp_spans'),
      metrics: z.string().default('otlp_metrics'),
      logs: z.string().default('otlp_logs'),
    })
    .prefault({})
    .describe("Topics with one OTLP export request a record, as the Collector's Kafka exporter writes them."),
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
    .union([
      z.boolean(),
      z.strictObject({
        ca: z.string().optional().describe('PEM file of the certificate authority.'),
        cert: z.string().optional().describe('PEM file of the client certificate.'),
        key: z.string().optional().describe('PEM file of the client key.'),
        rejectUnauthorized: z.boolean().default(true),
      }),
    ])
    .default(false),
  sasl: z
    .strictObject({
      mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
      username: z.string(),
      password: z.string(),
    })
    .optional(),
  sessionTimeout: duration.default(30).describe('Seconds until a silent member loses its partitions.'),
  maxBytesPerPartition: bytes.default(4 * 2 ** 20),
  maxWait: duration.default(0.4).describe('Longest wait for new records in one fetch.'),
})

const otlp = z.strictObject({
  http: z
    .strictObject({
      enabled: z.boolean().default(true),
      host: z.string().default('127.0.0.1'),
      port: z.number().int().min(0).max(65535).default(4318).describe('0 takes a free port.'),
    })
    .prefault({}),
  grpc: z
    .strictObject({
      enabled: z.boolean().default(true),
      host: z.string().default('127.0.0.1'),
      port: z.number().int().min(0).max(65535).default(4317).describe('0 takes a free port.'),
    })
    .prefault({}),
  maxRequestBytes: bytes.default(16 * 2 ** 20).describe('Largest request after decompression; larger ones are refused with 413.'),
  maxInFlight: z.number().int().positive().default(64).describe('Requests being made durable at once; more are told to come back (429).'),
})

const journal = z.strictObject({
  fsync: z
    .enum(['always', 'interval', 'never'])
    .default('interval')
    .describe(
      'When a received request is forced to the disk: before each answer, every fsyncInterval (answers wait for it), or when the system likes.',
    ),
  fsyncInterval: duration.default(0.02).describe('Group commit: requests answered together after one fsync.'),
  segmentBytes: bytes.default(64 * 2 ** 20),
  maxBytes: bytes.default(2 * 2 ** 30).describe('Bound on the disk that the journal takes; beyond it senders are told to wait (503).'),
})

const ingest = z.strictObject({
  maxRecordBytes: bytes.default(16 * 2 ** 20).describe('Larger records go to the dead letters undecoded.'),
  maxDepth: z.number().int().positive().default(32).describe('Deepest nesting of attribute values.'),
  maxVectorLength: z.number().int().positive().default(16384).describe('Longer vectors are dropped and counted.'),
  clock: z
    .strictObject({
      maxPast: duration
        .default(90 * 86400)
        .describe(
          'Events older than this before the append time of their record are clamped to it. Files have no append time: their events are taken as they are.',
        ),
      maxFuture: duration.default(3600),
    })
    .prefault({}),
  joinWindow: duration.default(10).describe('How long a call waits for its parent span in another request, in event time.'),
  joinSpans: z.number().int().positive().default(50_000).describe('Most calls that wait.'),
})

const identity = z.strictObject({
  hash: z.boolean().default(true).describe('Store principals as keyed hashes.'),
  key: z
    .string()
    .optional()
    .describe(
      'Base64 of 32 bytes or more. Made on first start and kept in the data folder when absent; must be set when several instances share a log.',
    ),
  attributes: z.array(z.string()).default([]).describe('Attributes of your own that name the principal, tried before all known ones.'),
  credential: z
    .array(z.string())
    .default([])
    .describe('Attributes of your own that name the authenticated credential, tried before the known ones.'),
  placeholders: z.array(z.string()).default([]).describe('More values that are no identity.'),
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
  maxBytes: bytes.default(64 * 2 ** 10).describe('Bytes of a refused record that are kept.'),
  maxShare: z.number().min(0).max(1).default(0.5).describe('Share of refused records among the last 1000 of a partition that stops it.'),
  maxRun: z.number().int().positive().default(1000).describe('Refused records in a row that stop a partition.'),
})

const store = z.strictObject({
  url: z
    .string()
    .optional()
    .describe('http(s)://user:password@host:8123/database of a ClickHouse server. Absent: the embedded engine in the data folder.'),
  database: z.string().default('tidewatch'),
  username: z.string().optional(),
  password: z.string().optional(),
  cluster: z.string().optional().describe('Name of the ClickHouse cluster: tables are made ON CLUSTER with Replicated engines.'),
  retention: z
    .strictObject({
      calls: duration.default(30 * 86400),
      aggregates: duration.default(400 * 86400),
      deadLetters: duration.default(14 * 86400),
      alerts: duration.default(400 * 86400),
    })
    .prefault({}),
  deduplicationWindow: z.number().int().min(1000).default(10_000).describe('Blocks for which a repeated insert is recognised.'),
  requestTimeout: duration.default(30),
})

const webhook = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  url: z.url(),
  secret: z.string().describe('`whsec_` and base64 of 24 to 64 bytes (Standard Webhooks). Use ${ENV}.'),
  categories: z
    .array(z.enum(['extraction', 'poisoning', 'activation', 'signal', 'trust']))
    .optional()
    .describe('Only these; absent: all.'),
  timeout: duration.default(10).describe('Deadline of one attempt.'),
  maxAge: duration.default(3 * 86400).describe('A delivery is given up after this long.'),
})

const server = z.strictObject({
  host: z.string().default('127.0.0.1'),
  port: z.number().int().min(0).max(65535).default(8686).describe('API, console, health and metrics. 0 takes a free port.'),
  tokens: z
    .array(z.strictObject({ name: z.string(), token: z.string().min(16), role: z.enum(['viewer', 'operator']) }))
    .default([])
    .describe('Bearer tokens. Without any, only a loopback host is accepted.'),
})

const decisions = z.strictObject({
  falseIncidentsPerDay: z
    .number()
    .positive()
    .default(1)
    .describe('The false-alarm budget: expected false incidents opened a day over all detectors together.'),
  disabled: z.array(z.string()).default([]).describe('Detectors that are switched off.'),
})

const log = z.strictObject({
  level: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
})

export const configSchema = z.strictObject({
  data: data.prefault({}),
  kafka: kafka.prefault({}),
  otlp: otlp.prefault({}),
  journal: journal.prefault({}),
  ingest: ingest.prefault({}),
  identity: identity.prefault({}),
  content: content.prefault({}),
  deadLetters: deadLetters.prefault({}),
  store: store.prefault({}),
  webhooks: z.array(webhook).default([]),
  server: server.prefault({}),
  decisions: decisions.prefault({}),
  log: log.prefault({}),
  seed: z
    .number()
    .int()
    .nonnegative()
    .default(1)
    .describe('Seed of all random projections and reservoirs. Another seed, other sketches: state does not carry over.'),
})

/** The configuration after defaults; durations are seconds, sizes bytes. */
export type Config = z.output<typeof configSchema>
export type WebhookConfig = Config['webhooks'][number]
