import type { ServerDeps } from '../deps.ts'
import { collectProblems } from '../problems.ts'
import type { Progress } from '../progress.ts'
import { readiness } from '../readiness.ts'
import type { Route } from '../route.ts'
import { statusSchema } from '../schemas.ts'

/** What the pipeline does. */
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
          readiness: readiness(deps.decisions(), deps.detectors),
        }
      },
    },
  ]
}
