import { z } from 'zod'
import { TidewatchError } from '../../errors.ts'
import { networkOf } from '../../telemetry/network.ts'
import type { ServerDeps } from '../deps.ts'
import { readPrincipal } from '../read-principal.ts'
import { readPrincipals, readStory } from '../read-principals.ts'
import { parseRequest, type Route } from '../route.ts'
import { alertSchema } from '../schemas.ts'

const body = z.strictObject({ id: z.string().min(1).max(4096).describe('As the service sends it, in the clear. It is not stored.') })

const found = z.object({
  id: z.string().describe('What is stored instead of it.'),
  calls: z.number(),
  first: z.string().nullable(),
  last: z.string().nullable(),
  models: z.array(z.string()),
  incidents: z.array(alertSchema).describe('Incidents about it, last changed first, at most 50.'),
})

const listQuery = z.strictObject({
  q: z.string().max(200).default('').describe('Part of the id.'),
  days: z.coerce.number().int().min(1).max(90).default(7).describe('Days back from the newest call.'),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  offset: z.coerce.number().int().min(0).max(1_000_000).default(0),
})

const rankedSchema = z.object({
  id: z.string(),
  risk: z.enum(['none', 'low', 'medium', 'high', 'critical']).describe('Severity of its worst open incident.'),
  openIncidents: z.number(),
  leastPValue: z.number().nullable().describe('Of all looks of all detectors: one of many, and no verdict.'),
  detector: z.string().nullable().describe('The detector that gave it.'),
  calls: z.number(),
  errors: z.number(),
  outputTokens: z.number(),
  models: z.array(z.string()),
  last: z.string(),
})

const count = z.number()
const story = found.extend({
  hours: z.array(z.object({ time: z.string(), calls: count, errors: count })),
  use: z.array(
    z.object({
      model: z.string(),
      calls: count,
      inputTokens: count,
      outputTokens: count,
      inputs: count.describe('Different inputs, estimated.'),
      logprobsCalls: count,
    }),
  ),
  looks: z.array(
    z.object({
      detector: z.string(),
      looks: count,
      newest: z.string(),
      score: count,
      value: count.describe('The score in the unit that `quantity` names.'),
      quantity: z.string(),
      pValue: count.nullable(),
      least: count.nullable().describe('The least p-value of all looks.'),
    }),
  ),
  links: z.array(z.object({ kind: z.string(), value: z.string(), calls: count })),
})

const parameters = z.strictObject({ id: z.string().min(1).max(4096) })

/** From a name that somebody holds to what is known of it. */
export function principalRoutes({ store, pseudonym }: Pick<ServerDeps, 'store' | 'pseudonym'>): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/principals',
      id: 'listPrincipals',
      summary: 'Principals by risk: severity of open incidents, then the least p-value, then calls.',
      role: 'viewer',
      query: listQuery,
      answer: { type: 'application/json', schema: z.object({ total: z.number(), items: z.array(rankedSchema) }) },
      handle: (request) => readPrincipals(store, parseRequest(listQuery, request.query)),
    },
    {
      method: 'GET',
      path: '/api/v1/principals/{id}',
      id: 'getPrincipal',
      summary: 'What one principal did, by its stored id, and what the detectors say of it.',
      role: 'viewer',
      parameters,
      answer: { type: 'application/json', schema: story },
      otherAnswers: { 404: 'Nothing is stored of such a principal; `find` tells the id of a name.' },
      async handle(request) {
        const { id } = parseRequest(parameters, request.params)
        const [known, more] = await Promise.all([readPrincipal(store, id), readStory(store, id)])
        const { calls, incidents } = JSON.parse(known) as { calls: number; incidents: readonly unknown[] }
        // The answer does not repeat what was asked: who mistakes a name for its hash must not find it in logs and caches.
        if (calls === 0 && incidents.length === 0) throw new TidewatchError('TW_NOT_FOUND', 'a principal of that id')
        return `${known.slice(0, -1)},${JSON.stringify(more).slice(1)}`
      },
    },
    {
      // Not a GET: addresses end up in logs.
      method: 'POST',
      path: '/api/v1/principals/find',
      id: 'findPrincipal',
      summary: 'What is stored instead of an identity, and what is known of it.',
      role: 'operator',
      body,
      answer: { type: 'application/json', schema: found },
      async handle(request) {
        const clear = parseRequest(body, request.body).id.trim()
        // Addresses are kept as networks.
        return readPrincipal(store, pseudonym(networkOf(clear) ?? clear))
      },
    },
  ]
}
