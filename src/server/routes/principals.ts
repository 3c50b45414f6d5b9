import { z } from 'zod'
import { networkOf } from '../../telemetry/network.ts'
import type { ServerDeps } from '../deps.ts'
import { readPrincipal } from '../read-principal.ts'
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

/** From a name that somebody holds to what is known of it. */
export function principalRoutes({ store, pseudonym }: Pick<ServerDeps, 'store' | 'pseudonym'>): Route[] {
  return [
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
