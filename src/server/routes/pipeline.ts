import { z } from 'zod'
import { decodeCursor } from '../cursor.ts'
import type { ServerDeps } from '../deps.ts'
import { collectProblems } from '../problems.ts'
import type { Progress } from '../progress.ts'
import { readDeadLetters } from '../reads.ts'
import { parseRequest, type Route } from '../route.ts'
import { deadLetterSchema, detectorSchema, page, paging, statusSchema } from '../schemas.ts'

const deadLetterQuery = z.strictObject({ ...paging, code: z.string().min(1).optional().describe('Code of the reason.') })

/** What the pipeline does and what it could not do. */
export function pipelineRoutes(deps: ServerDeps, progress: Progress): Route[] {
  const started = new Date().toISOString()
  return [
    {
      method: 'GET',
      path: '/api/v1/status',
      id: 'getStatus',
      summary: 'Where the pipeline is, and what is not as it should be.',
      role: 'viewer',
      answer: { type: 'application/json', schema: statusSchema },
      async handle() {
        const problems = await collectProblems(deps)
        return {
          ...progress.read(),
          version: deps.version,
          started,
          store: deps.store.engine,
          inputs: deps.inputs(),
          problems,
          webhooks: deps.webhooks(),
        }
      },
    },
    {
      method: 'GET',
      path: '/api/v1/detectors',
      id: 'listDetectors',
      summary: 'The detectors, and whether they are switched on.',
      role: 'viewer',
      answer: { type: 'application/json', schema: z.object({ items: z.array(detectorSchema) }) },
      handle: () => ({ items: deps.detectors }),
    },
    {
      method: 'GET',
      path: '/api/v1/dead-letters',
      id: 'listDeadLetters',
      summary: 'Records that were refused, newest first, without their bytes.',
      role: 'viewer',
      query: deadLetterQuery,
      answer: { type: 'application/json', schema: page(deadLetterSchema) },
      handle(request) {
        const { limit, before, code } = parseRequest(deadLetterQuery, request.query)
        return readDeadLetters(deps.store, code, limit, decodeCursor(before))
      },
    },
  ]
}
