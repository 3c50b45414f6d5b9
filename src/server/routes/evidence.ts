import { z } from 'zod'
import type { Alert } from '../../decisions/alert.ts'
import { TidewatchError } from '../../errors.ts'
import { decodeCursor } from '../cursor.ts'
import type { ServerDeps } from '../deps.ts'
import { readPictures, readRelatedCalls, readTies } from '../read-evidence.ts'
import { readTimeline } from '../read-timeline.ts'
import { readIncident } from '../reads.ts'
import { parseRequest, type Route } from '../route.ts'
import { page, paging } from '../schemas.ts'

const parameters = z.strictObject({ id: z.string().min(1).max(200) })
const pageQuery = z.strictObject(paging)

const evidenceSchema = z.object({
  detectors: z.array(
    z.object({
      detector: z.string(),
      quantity: z.string().describe('Unit of every value here.'),
      population: z.string(),
      others: z.number(),
      histogram: z
        .array(z.object({ from: z.number(), to: z.number(), subjects: z.number() }))
        .describe('Newest values of the other subjects of the population.'),
      looks: z
        .array(z.object({ time: z.string(), value: z.number(), pValue: z.number().nullable() }))
        .describe('What was said of the subject, oldest first, the last 1000.'),
    }),
  ),
  timeline: z.object({
    quantity: z.string(),
    secondsPerPoint: z.number(),
    start: z.string(),
    end: z.string(),
    lines: z.array(z.object({ name: z.string(), points: z.array(z.tuple([z.string(), z.number()])) })),
  }),
  ties: z
    .array(z.object({ kind: z.string(), value: z.string(), members: z.array(z.string()) }))
    .describe('What several accounts of the incident share.'),
})

const callSchema = z.object({
  time: z.string(),
  traceId: z.string(),
  spanId: z.string(),
  principal: z.string(),
  model: z.string(),
  operation: z.string(),
  inputTokens: z.number().nullable(),
  outputTokens: z.number().nullable(),
  milliseconds: z.number(),
  finishReason: z.string(),
  error: z.boolean(),
  topLogprobs: z.number().nullable(),
  label: z.string(),
})

/** What lies behind an incident. */
export function evidenceRoutes({ store }: Pick<ServerDeps, 'store'>): Route[] {
  const newest = async (params: unknown): Promise<Alert> => {
    const { id } = parseRequest(parameters, params)
    const text = (await readIncident(store, id)).at(-1)
    if (text === undefined) throw new TidewatchError('TW_NOT_FOUND', `incident ${id}`)
    return JSON.parse(text)
  }
  return [
    {
      method: 'GET',
      path: '/api/v1/incidents/{id}/evidence',
      id: 'getEvidence',
      summary: 'What the plots of an incident show: its subject among the others and over time, and what its accounts share.',
      role: 'viewer',
      parameters,
      answer: { type: 'application/json', schema: evidenceSchema },
      otherAnswers: { 404: 'There is no such incident.' },
      async handle(request) {
        const alert = await newest(request.params)
        const [pictures, timeline, ties] = await Promise.all([
          readPictures(store, alert),
          readTimeline(store, alert),
          readTies(store, alert),
        ])
        return { detectors: pictures, timeline, ties }
      },
    },
    {
      method: 'GET',
      path: '/api/v1/incidents/{id}/calls',
      id: 'listIncidentCalls',
      summary: 'Calls of the accounts of an incident within its window, newest first; without accounts those that its evidence names.',
      role: 'viewer',
      parameters,
      query: pageQuery,
      answer: { type: 'application/json', schema: page(callSchema) },
      otherAnswers: { 404: 'There is no such incident.' },
      async handle(request) {
        const { limit, before } = parseRequest(pageQuery, request.query)
        return readRelatedCalls(store, await newest(request.params), limit, decodeCursor(before))
      },
    },
  ]
}
