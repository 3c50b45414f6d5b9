import { z } from 'zod'
import { TidewatchError } from '../../errors.ts'
import { decodeCursor } from '../cursor.ts'
import type { ServerDeps } from '../deps.ts'
import { readDeliveries } from '../reads.ts'
import { parseRequest, type Route } from '../route.ts'
import { answeredSchema, deliverySchema, page, paging, webhookSchema } from '../schemas.ts'

const deliveryQuery = z.strictObject({
  ...paging,
  state: z.enum(['pending', 'attempted', 'delivered', 'dead']).optional(),
  target: z.string().min(1).optional().describe('Name of the webhook.'),
})

const parameters = z.strictObject({ name: z.string().min(1).max(200) })

/** Receivers of alerts, what was sent to them, and a test. */
export function webhookRoutes(deps: Pick<ServerDeps, 'store' | 'webhooks' | 'receivers' | 'testWebhook'>): Route[] {
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
          const { waiting = 0, more = false, failures = 0, lastFailure = null } = states.get(name) ?? {}
          const rules = { categories: categories ?? null, minSeverity, models: models ?? null, subjectKinds: subjectKinds ?? null }
          return { name, url, format, ...rules, waiting, more, failures, lastFailure }
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
