import { z } from 'zod'
import { TidewatchError } from '../../errors.ts'
import type { ServerDeps } from '../deps.ts'
import { readConfusion, readRun, readRuns } from '../read-runs.ts'
import { parseRequest, type Route } from '../route.ts'

const parameters = z.strictObject({ run: z.string().min(1).max(500) })
const confusionQuery = z.strictObject({ source: z.string().max(500) })

const runSchema = z.object({
  run: z.string(),
  service: z.string(),
  first: z.string(),
  last: z.string(),
  samples: z.number(),
  sources: z.number(),
  rounds: z.number(),
  clients: z.number(),
  openIncidents: z.number(),
})

const oneSchema = z.object({
  run: z.string(),
  sources: z.array(
    z.object({
      source: z.string(),
      samples: z.number(),
      shards: z.number(),
      unlike: z.number().describe('Share of its samples whose label is not what the model says.'),
      loss: z.number().nullable(),
    }),
  ),
  updates: z.array(z.object({ round: z.number(), client: z.string(), norm: z.number().nullable(), samples: z.number().nullable() })),
})

const confusionSchema = z.object({
  run: z.string(),
  source: z.string(),
  classes: z.array(z.string()),
  cells: z.array(z.object({ label: z.string(), predicted: z.string(), own: z.number(), others: z.number() })),
})

/** Training runs: who delivered what, and what was sent in each round. */
export function runRoutes({ store }: Pick<ServerDeps, 'store'>): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/runs',
      id: 'listRuns',
      summary: 'Training runs, the newest first.',
      role: 'viewer',
      answer: { type: 'application/json', schema: z.object({ items: z.array(runSchema) }) },
      handle: async () => ({ items: await readRuns(store) }),
    },
    {
      method: 'GET',
      path: '/api/v1/runs/{run}',
      id: 'getRun',
      summary: 'Sources of a run and updates of its clients by round.',
      role: 'viewer',
      parameters,
      answer: { type: 'application/json', schema: oneSchema },
      otherAnswers: { 404: 'There is no such run.' },
      async handle(request) {
        const { run } = parseRequest(parameters, request.params)
        const found = await readRun(store, run)
        if (found.sources.length === 0 && found.updates.length === 0) throw new TidewatchError('TW_NOT_FOUND', `run ${run}`)
        return found
      },
    },
    {
      method: 'GET',
      path: '/api/v1/runs/{run}/confusion',
      id: 'getConfusion',
      summary: 'Labels of a source against what the model says, beside those of all other sources.',
      role: 'viewer',
      parameters,
      query: confusionQuery,
      answer: { type: 'application/json', schema: confusionSchema },
      handle(request) {
        const { run } = parseRequest(parameters, request.params)
        return readConfusion(store, run, parseRequest(confusionQuery, request.query).source)
      },
    },
  ]
}
