import { z } from 'zod'

/** What the API answers, as the OpenAPI document shows it. */

const subject = z.object({ kind: z.string(), id: z.string() })
const nullableText = z.string().nullable()

export const categories = z.enum(['extraction', 'poisoning', 'activation', 'signal', 'trust'])
export const statuses = z.enum(['opened', 'updated', 'resolved'])
export const severities = z.enum(['low', 'medium', 'high', 'critical'])

export const verdicts = z.enum(['true', 'false', 'benign'])

export const alertSchema = z
  .object({
    id: z.string(),
    incident: z.string(),
    status: statuses,
    time: z.string().describe('Event time, ISO 8601, microseconds, UTC.'),
    opened: z.string(),
    detector: z.string(),
    detectors: z.array(z.string()),
    category: categories,
    severity: severities,
    title: z.string(),
    subject,
    members: z.array(subject),
    model: nullableText,
    service: nullableText,
    environment: nullableText,
    run: nullableText,
    window: z.object({ start: z.string(), end: z.string(), events: z.number() }),
    score: z.number(),
    threshold: z.number().nullable(),
    pValue: z.number().nullable(),
    evidence: z.record(z.string(), z.unknown()),
    tags: z.object({ atlas: z.array(z.string()), owasp: z.array(z.string()) }),
    related: z
      .array(z.object({ incident: z.string(), subject }))
      .optional()
      .describe('Incidents of the same category that share a subject, a member or a call with this one; absent where there are none.'),
    handling: z
      .object({
        change: z.enum(['acknowledged', 'silenced', 'feedback']).optional().describe('This change is the action itself.'),
        acknowledged: z.object({ by: z.string(), time: z.string() }).optional(),
        silenced: z.object({ by: z.string(), time: z.string(), until: z.string() }).optional(),
        feedback: z.object({ verdict: verdicts, by: z.string(), time: z.string() }).optional(),
        expected: z
          .object({ by: z.string(), note: z.string(), from: z.string(), until: z.string() })
          .optional()
          .describe('It falls into a change that was announced.'),
      })
      .optional()
      .describe('What people did; absent as long as nobody did anything.'),
  })
  .describe('One change of an incident: the same bytes that webhooks carry.')

export const problemSchema = z.object({ component: z.string(), reason: z.string(), blocking: z.boolean() })

const lagSchema = z.array(z.object({ topic: z.string(), partition: z.number(), records: z.number() }))

export const progressSchema = z.object({
  records: z.number(),
  events: z.number(),
  eventsPerSecond: z.number(),
  alerts: z.number(),
  deadLetters: z.number(),
  watermark: nullableText.describe('Event time up to which the log has come.'),
  lag: lagSchema.describe('Records that wait in the log.'),
})

export const statusSchema = progressSchema.extend({
  version: z.string(),
  started: z.string(),
  store: z.string(),
  inputs: z.array(z.string()).describe('Where telemetry comes in.'),
  problems: z.array(problemSchema),
  webhooks: z.array(
    z.object({
      target: z.string(),
      waiting: z.number(),
      more: z.boolean(),
      failures: z.number(),
      lastFailure: nullableText,
      dead: z.number(),
    }),
  ),
  readiness: z.object({
    decidedElsewhere: z.boolean().describe('Another member of the deployment decides and sends webhooks: ask that one.'),
    budget: z.object({
      perDay: z.number().describe('False incidents a day that are accepted.'),
      day: nullableText.describe('The day of event time that `spent` is about.'),
      spent: z
        .record(z.string(), z.number())
        .describe('False incidents that the tests of the day may open, by category; training runs have budgets of their own.'),
    }),
    detectors: z.array(
      z.object({
        name: z.string(),
        category: z.string(),
        enabled: z.boolean(),
        populations: z.number().describe('What it has seen: callers of a model, sources of a run, single series.'),
        armed: z.number().describe('Of them, those that it has seen enough of to judge.'),
        waiting: z.array(z.object({ population: z.string(), lacks: z.string() })).describe('What the others lack; the first ten.'),
      }),
    ),
  }),
})

/** What `GET /api/v1/status` answers. */
export type StatusAnswer = z.output<typeof statusSchema>

export const detectorSchema = z.object({
  name: z.string(),
  category: z.string(),
  version: z.number(),
  title: z.string(),
  consumes: z.array(z.string()),
  enabled: z.boolean(),
})

export const deliveryStates = z.enum(['pending', 'attempted', 'delivered', 'dead', 'skipped'])

export const deliverySchema = z.object({
  id: z.string().describe('The `webhook-id`, which is the id of the alert.'),
  target: z.string(),
  incident: z.string(),
  state: deliveryStates,
  attempts: z.number(),
  created: z.string(),
  updated: z.string(),
  httpStatus: z.number().describe('Status of the last answer, 0 when there was none.'),
  reason: z.string(),
})

export const actionSchema = z.object({
  id: z.string(),
  incident: z.string(),
  kind: z.enum(['acknowledge', 'silence', 'feedback', 'freeze', 'thaw', 'expect', 'withdraw']),
  by: z.string().describe('Name of the token; `local` where there are none.'),
  time: z.string(),
  note: z.string(),
  until: nullableText.describe('End of a silence, or of an announced change.'),
  verdict: verdicts.nullable(),
  about: z.record(z.string(), z.unknown()).describe('The population that is frozen, or the change that was announced.'),
})

export const webhookSchema = z.object({
  name: z.string(),
  url: z.string(),
  format: z.string(),
  categories: z.array(z.string()).nullable(),
  minSeverity: severities,
  models: z.array(z.string()).nullable(),
  subjectKinds: z.array(z.string()).nullable(),
  waiting: z.number(),
  more: z.boolean().describe('More wait in the store than are counted.'),
  failures: z.number().describe('Failed attempts since the last success.'),
  lastFailure: nullableText,
  dead: z.number().describe('Deliveries given up since the start of the process.'),
})

export const answeredSchema = z.object({
  change: statuses,
  delivered: z.boolean(),
  status: z.number().describe('HTTP status, 0 where there was no answer.'),
  reason: nullableText,
  text: z.string().describe('The beginning of the answer.'),
  milliseconds: z.number(),
})

export const deadLetterSchema = z.object({
  id: z.string().describe('`topic:epoch:partition:offset:index`.'),
  topic: z.string(),
  epoch: z.string(),
  partition: z.number(),
  offset: z.number(),
  index: z.number(),
  time: z.string(),
  code: z.string(),
  reason: z.string(),
  signal: z.string(),
  size: z.number().describe('Bytes of the whole record.'),
  kept: z.number().describe('Bytes that are kept of it.'),
  truncated: z.boolean(),
  replayed: z.object({ time: z.string(), by: z.string() }).nullable(),
  notReplayable: nullableText.describe('Why it cannot be put into the log again.'),
})

export const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string(), action: z.string() }) })

/** One page, newest first; `next` is the `before` of the page that follows. */
export function page<T extends z.ZodType>(items: T) {
  return z.object({ items: z.array(items), next: nullableText })
}

/** Query parameters of every list. */
export const paging = {
  limit: z.coerce.number().int().min(1).max(500).default(50).describe('Items of a page.'),
  before: z.string().optional().describe('`next` of the page before; items older than that place.'),
}
