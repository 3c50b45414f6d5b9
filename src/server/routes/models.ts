import { z } from 'zod'
import type { ServerDeps } from '../deps.ts'
import { readModels } from '../read-models.ts'
import { parseRequest, type Route } from '../route.ts'

const query = z.strictObject({ days: z.coerce.number().int().min(1).max(90).default(7).describe('Days back from the newest call.') })

const modelSchema = z.object({
  name: z.string(),
  environment: z.string(),
  service: z.string(),
  calls: z.number(),
  errors: z.number(),
  principals: z.number().describe('Estimated, within two per cent.'),
  inputTokens: z.number(),
  outputTokens: z.number(),
  meanMilliseconds: z.number(),
  last: z.string(),
  openIncidents: z.number(),
  steps: z.array(z.number()).describe('Calls of each of the 48 steps of those days, oldest first.'),
})

export function modelRoutes({ store }: Pick<ServerDeps, 'store'>): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/models',
      id: 'listModels',
      summary: 'Models by calls.',
      role: 'viewer',
      query,
      answer: { type: 'application/json', schema: z.object({ items: z.array(modelSchema) }) },
      async handle(request) {
        return { items: await readModels(store, parseRequest(query, request.query)) }
      },
    },
  ]
}
