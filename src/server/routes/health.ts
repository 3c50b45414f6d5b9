import { z } from 'zod'
import type { ServerDeps } from '../deps.ts'
import { collectProblems } from '../problems.ts'
import type { Route } from '../route.ts'
import { problemSchema } from '../schemas.ts'

/** For probes and scrapers. Health is open to all who reach the port: probes carry no tokens. */
export function healthRoutes(deps: ServerDeps): Route[] {
  return [
    {
      method: 'GET',
      path: '/healthz',
      id: 'getHealth',
      summary: 'Alive: the event loop answers. Restart the process when this does not.',
      role: null,
      answer: { type: 'application/json', schema: z.object({ alive: z.literal(true) }) },
      handle: () => ({ alive: true }),
    },
    {
      method: 'GET',
      path: '/readyz',
      id: 'getReadiness',
      summary: 'Ready: telemetry is taken and stored. Problems that do not block are told as well.',
      role: null,
      answer: { type: 'application/json', schema: z.object({ ready: z.boolean(), problems: z.array(problemSchema) }) },
      otherAnswers: { 503: 'Not ready; `problems` says why.' },
      async handle(_request, reply) {
        const problems = await collectProblems(deps)
        const ready = !problems.some((problem) => problem.blocking)
        return reply.code(ready ? 200 : 503).send({ ready, problems })
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      id: 'getMetrics',
      summary: 'Own metrics, Prometheus text format.',
      role: 'viewer',
      answer: { type: 'text/plain', schema: z.string() },
      async handle(_request, reply) {
        return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await deps.metrics())
      },
    },
  ]
}
