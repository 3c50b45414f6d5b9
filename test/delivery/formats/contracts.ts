import { z } from 'zod'

/**
 * What receivers accept, written down from their published contracts: PagerDuty's Events API v2 reference, Alertmanager's
 * api/v2/openapi.yaml (`postableAlerts`), Slack's Block Kit reference and the OCSF 1.3.0 class 2004 with its objects. Strict where a receiver
 * refuses what it does not know or what is too long.
 */

const text = (most: number) => z.string().min(1).max(most)

export const pagerdutyEvent = z.discriminatedUnion('event_action', [
  z.strictObject({
    routing_key: z.string().length(32),
    event_action: z.literal('trigger'),
    dedup_key: text(255),
    client: z.string().optional(),
    client_url: z.url().optional(),
    payload: z.strictObject({
      summary: text(1024),
      source: text(255),
      severity: z.enum(['critical', 'error', 'warning', 'info']),
      timestamp: z.iso.datetime(),
      component: z.string().optional(),
      group: z.string().optional(),
      class: z.string().optional(),
      custom_details: z.record(z.string(), z.unknown()),
    }),
  }),
  z.strictObject({
    routing_key: z.string().length(32),
    event_action: z.enum(['acknowledge', 'resolve']),
    dedup_key: text(255),
  }),
])

const labelSet = z.record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/), z.string())

export const alertmanagerAlerts = z
  .array(
    z
      .strictObject({
        labels: labelSet.and(z.object({ alertname: z.string().min(1) })),
        annotations: labelSet,
        startsAt: z.iso.datetime(),
        endsAt: z.iso.datetime(),
        generatorURL: z.url().optional(),
      })
      .refine(({ startsAt, endsAt }) => Date.parse(startsAt) <= Date.parse(endsAt), 'ends before it starts'),
  )
  .min(1)

const plainText = (most: number) => z.strictObject({ type: z.literal('plain_text'), text: text(most), emoji: z.boolean().optional() })
const markup = (most: number) => z.strictObject({ type: z.literal('mrkdwn'), text: text(most) })

export const slackMessage = z.strictObject({
  text: text(4000),
  blocks: z
    .array(
      z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('header'), text: plainText(150) }),
        z.strictObject({
          type: z.literal('section'),
          text: markup(3000).optional(),
          fields: z.array(markup(2000)).min(1).max(10).optional(),
        }),
        z.strictObject({ type: z.literal('context'), elements: z.array(markup(3000)).min(1).max(10) }),
      ]),
    )
    .min(1)
    .max(50),
})

const millis = z.number().int().min(1e12).max(1e13)
const analytic = z.object({ type_id: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]), name: z.string(), uid: z.string() })

export const ocsfFinding = z
  .object({
    activity_id: z.union([z.literal(1), z.literal(2), z.literal(3)]),
    category_uid: z.literal(2),
    class_uid: z.literal(2004),
    type_uid: z.number().int(),
    time: millis,
    start_time: millis,
    end_time: millis,
    severity_id: z.number().int().min(1).max(6),
    status_id: z.number().int().min(1).max(6),
    is_alert: z.boolean(),
    message: z.string(),
    metadata: z.object({ version: z.literal('1.3.0'), uid: z.string(), product: z.object({ name: z.string(), vendor_name: z.string() }) }),
    finding_info: z.object({
      uid: z.string().min(1),
      title: z.string().min(1),
      desc: z.string(),
      types: z.array(z.string()),
      created_time: millis,
      modified_time: millis,
      first_seen_time: millis,
      last_seen_time: millis,
      analytic,
      related_analytics: z.array(analytic),
      attacks: z.array(z.object({ technique: z.object({ uid: z.string(), name: z.string() }) })).optional(),
    }),
    resources: z.array(z.object({ uid: z.string(), name: z.string(), type: z.string() })).min(1),
    unmapped: z.record(z.string(), z.unknown()),
  })
  .refine(
    ({ class_uid, activity_id, type_uid }) => type_uid === class_uid * 100 + activity_id,
    'type_uid is not class_uid * 100 + activity_id',
  )
