import { z } from 'zod'
import type { Alert } from '../../decisions/alert.ts'
import { TidewatchError } from '../../errors.ts'
import { microsOf } from '../../telemetry/time.ts'
import { decodeCursor } from '../cursor.ts'
import type { ServerDeps } from '../deps.ts'
import { readActions } from '../read-actions.ts'
import { type AlertFilter, countIncidents, readAlerts, readIncident, readIncidents, readRelated } from '../reads.ts'
import { parseRequest, type Route } from '../route.ts'
import { actionSchema, alertSchema, categories, page, paging, severities, statuses } from '../schemas.ts'

const filters = {
  category: categories.optional(),
  status: statuses.optional(),
  severity: severities.optional(),
  subject: z.string().min(1).optional().describe('Id of the subject.'),
  since: z.iso.datetime({ offset: true }).optional().describe('Only alerts of this event time or later, ISO 8601.'),
  model: z.string().min(1).optional().describe('Name of the model.'),
  detector: z.string().min(1).optional().describe('A detector that has a part in it.'),
  open: z
    .enum(['true', 'false'])
    .optional()
    .transform((text) => (text === undefined ? undefined : text === 'true'))
    .describe('Whether it is not resolved.'),
  q: z.string().min(1).max(200).optional().describe('Part of the title or of an id.'),
}

const listQuery = z.strictObject({ ...paging, ...filters })
const countQuery = z.strictObject(filters)

const counts = z.record(z.string(), z.number())
const countsSchema = z.object({ total: z.number(), open: z.number(), severities: counts, categories: counts })

const incidentParameters = z.strictObject({ id: z.string().min(1).max(200) })

const incidentSchema = z.object({
  incident: alertSchema.describe('The newest change: what the incident is now.'),
  related: z
    .array(z.object({ incident: z.string(), status: statuses, severity: severities, title: z.string() }))
    .describe('Incidents that it refers to or that refer to it, as they are now.'),
  alerts: z.array(alertSchema).describe('All changes, oldest first, at most 1000.'),
  actions: z.array(actionSchema).describe('What people did, newest first, at most 500.'),
})

function filterOf(query: z.output<typeof countQuery>): AlertFilter {
  return { ...query, since: query.since === undefined ? undefined : microsOf(new Date(query.since).toISOString()) }
}

/** Alerts are passed on as the texts they were stored as: parsing and writing them again could change their bytes. */
function listOf({ items, next }: { items: readonly string[]; next: string | null }): string {
  return `{"items":[${items.join(',')}],"next":${JSON.stringify(next)}}`
}

export function alertRoutes({ store }: Pick<ServerDeps, 'store'>): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/alerts',
      id: 'listAlerts',
      summary: 'Changes of incidents, newest first.',
      role: 'viewer',
      query: listQuery,
      answer: { type: 'application/json', schema: page(alertSchema) },
      async handle(request) {
        const query = parseRequest(listQuery, request.query)
        return listOf(await readAlerts(store, filterOf(query), query.limit, decodeCursor(query.before)))
      },
    },
    {
      method: 'GET',
      path: '/api/v1/incidents',
      id: 'listIncidents',
      summary: 'Incidents as they are now (their newest alerts), last changed first.',
      role: 'viewer',
      query: listQuery,
      answer: { type: 'application/json', schema: page(alertSchema) },
      async handle(request) {
        const query = parseRequest(listQuery, request.query)
        return listOf(await readIncidents(store, filterOf(query), query.limit, decodeCursor(query.before)))
      },
    },
    {
      method: 'GET',
      path: '/api/v1/incidents/counts',
      id: 'countIncidents',
      summary: 'How many incidents the filter finds, and the open ones by severity and category.',
      role: 'viewer',
      query: countQuery,
      answer: { type: 'application/json', schema: countsSchema },
      handle(request) {
        return countIncidents(store, filterOf(parseRequest(countQuery, request.query)))
      },
    },
    {
      method: 'GET',
      path: '/api/v1/incidents/{id}',
      id: 'getIncident',
      summary: 'One incident with all its changes.',
      role: 'viewer',
      parameters: incidentParameters,
      answer: { type: 'application/json', schema: incidentSchema },
      otherAnswers: { 404: 'There is no such incident.' },
      async handle(request) {
        const { id } = parseRequest(incidentParameters, request.params)
        const alerts = await readIncident(store, id)
        if (alerts.length === 0) throw new TidewatchError('TW_NOT_FOUND', `incident ${id}`)
        const [{ items }, related] = await Promise.all([
          readActions(store, { incident: id }, 500, decodeCursor(undefined)),
          readRelated(store, JSON.parse(alerts.at(-1)!) as Alert),
        ])
        return `{"incident":${alerts.at(-1)},"related":${JSON.stringify(related)},"alerts":[${alerts.join(',')}],"actions":${JSON.stringify(items)}}`
      },
    },
  ]
}
