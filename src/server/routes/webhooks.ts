import { z } from 'zod'
import { TidewatchError } from '../../errors.ts'
import { microsOf } from '../../telemetry/time.ts'
import { decodeCursor } from '../cursor.ts'
import type { ServerDeps } from '../deps.ts'
import { readDeliveries } from '../reads.ts'
import { parseRequest, type Route } from '../route.ts'
import { answeredSchema, deliverySchema, deliveryStates, page, paging, webhookSchema } from '../schemas.ts'

const deliveryQuery = z.strictObject({
  ...paging,
  state: deliveryStates.optional(),
  target: z.string().min(1).optional().describe('Name of the webhook.'),
  incident: z.string().min(1).optional().describe('Only those about this incident.'),
})

const replayBody = z
  .strictObject({
    id: z.string().min(1).max(200).optional().describe('The `webhook-id`: to every receiver that it went to, or to `target`.'),
    target: z.string().min(1).optional().describe('Name of the webhook.'),
    since: z.iso.datetime({ offset: true }).optional().describe('Alerts of this event time or later, ISO 8601.'),
    state: z.enum(['delivered', 'dead', 'skipped']).optional().describe('Only those that ended so.'),
  })
  .refine(({ id, target, since, state }) => id !== undefined || since !== undefined || (target ?? state) !== undefined, {
    error: 'expected `id`, `since`, `target` or `state`',
  })

const parameters = z.strictObject({ name: z.string().min(1).max(200) })

/** Receivers of alerts, what was sent to them, and a test. */
export function webhookRoutes(deps: Pick<ServerDeps, 'store' | 'webhooks' | 'receivers' | 'testWebhook' | 'replayWebhooks'>): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/webhooks',
      id: 'listWebhooks',
      summary: 'The receivers, what they are told of, and what waits for them.',
      role: 'viewer',
      answer: { type: 'application/json', schema: z.object({ items: z.array(webhookSchema) }) },
      handle() {
        const states = new Map(deps.webhooks().map((state) => [state.target, state]))
        const items = deps.receivers.map(({ name, url, format, categories, minSeverity, models, subjectKinds }) => {
          const { waiting = 0, more = false, failures = 0, lastFailure = null, dead = 0 } = states.get(name) ?? {}
          const rules = { categories: categories ?? null, minSeverity, models: models ?? null, subjectKinds: subjectKinds ?? null }
          return { name, url, format, ...rules, waiting, more, failures, lastFailure, dead }
        })
        return { items }
      },
    },
    {
      method: 'POST',
      path: '/api/v1/webhooks/{name}/test',
      id: 'testWebhook',
      summary: 'Sends a test alert and its end to a receiver and tells what it answered.',
      role: 'operator',
      parameters,
      body: z.strictObject({}),
      answer: { type: 'application/json', schema: z.object({ name: z.string(), answers: z.array(answeredSchema) }) },
      otherAnswers: { 404: 'There is no such receiver.' },
      async handle(request) {
        const { name } = parseRequest(parameters, request.params)
        parseRequest(z.strictObject({}), request.body)
        const answers = await deps.testWebhook(name)
        if (answers === null) throw new TidewatchError('TW_NOT_FOUND', `webhook ${name}`)
        return { name, answers }
      },
    },
    {
      method: 'POST',
      path: '/api/v1/webhooks/deliveries/replay',
      id: 'replayDeliveries',
      summary: 'Sends webhooks again that were delivered, given up or skipped: same `webhook-id`, same body.',
      role: 'operator',
      body: replayBody,
      answer: { type: 'application/json', schema: z.object({ items: z.array(z.object({ id: z.string(), target: z.string() })) }) },
      otherAnswers: { 404: 'There is no such receiver.' },
      async handle(request) {
        const { since, ...selection } = parseRequest(replayBody, request.body)
        const { target } = selection
        if (target !== undefined && !deps.receivers.some(({ name }) => name === target))
          throw new TidewatchError('TW_NOT_FOUND', `webhook ${target}`)
        const items = await deps.replayWebhooks({
          ...selection,
          since: since === undefined ? undefined : microsOf(new Date(since).toISOString()),
        })
        return { items }
      },
    },
    {
      method: 'GET',
      path: '/api/v1/webhooks/deliveries',
      id: 'listDeliveries',
      summary: 'Webhooks that were sent or wait, those of the newest alerts first.',
      role: 'viewer',
      query: deliveryQuery,
      answer: { type: 'application/json', schema: page(deliverySchema) },
      handle(request) {
        const { limit, before, ...filter } = parseRequest(deliveryQuery, request.query)
        return readDeliveries(deps.store, filter, limit, decodeCursor(before))
      },
    },
  ]
}
