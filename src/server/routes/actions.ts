import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { duration } from '../../config/units.ts'
import type { Action } from '../../decisions/action.ts'
import { TidewatchError } from '../../errors.ts'
import type { Caller } from '../auth.ts'
import { decodeCursor } from '../cursor.ts'
import type { ServerDeps } from '../deps.ts'
import { done } from '../done.ts'
import { readActions } from '../read-actions.ts'
import { readIncident } from '../reads.ts'
import { parseRequest, type Route } from '../route.ts'
import { actionSchema, page, paging, verdicts } from '../schemas.ts'

const parameters = z.strictObject({ id: z.string().min(1).max(200) })
const note = z.string().max(1000).default('').describe('Why; stored with the action.')
const taken = z.object({ id: z.string().describe('Id of the action.'), incident: z.string() })

const silenceBody = z
  .strictObject({
    for: duration.optional().describe('A duration from now, such as `4h`; `0s` ends a silence.'),
    until: z.iso.datetime({ offset: true }).optional().describe('Or a time, ISO 8601.'),
    note,
  })
  .refine(({ for: seconds, until }) => (seconds === undefined) !== (until === undefined), { error: 'expected either `for` or `until`' })

const actionQuery = z.strictObject({
  ...paging,
  kind: actionSchema.shape.kind.optional(),
  incident: z.string().min(1).optional(),
})

/** The kinds of actions without what all have. */
type Deed =
  | { readonly kind: 'acknowledge' }
  | { readonly kind: 'silence'; readonly until: number }
  | Pick<FeedbackAction, 'kind' | 'verdict'>
type FeedbackAction = Extract<Action, { kind: 'feedback' }>

/** What people do about incidents. Each becomes a record of the log, so that a replay of the log knows it. */
export function actionRoutes({ store, act }: Pick<ServerDeps, 'store' | 'act'>): Route[] {
  const post = <Body extends z.ZodType<{ note: string }>>(
    path: string,
    id: string,
    summary: string,
    body: Body,
    deedOf: (body: z.output<Body>, now: number) => Deed,
  ): Route => ({
    method: 'POST',
    path: `/api/v1/incidents/{id}/${path}`,
    id,
    summary,
    role: 'operator',
    parameters,
    body,
    status: 202,
    answer: { type: 'application/json', schema: taken },
    otherAnswers: { 404: 'There is no such incident.' },
    async handle(request: FastifyRequest, _reply, { name }: Caller) {
      const { id: incident } = parseRequest(parameters, request.params)
      const given = parseRequest(body, request.body)
      if ((await readIncident(store, incident)).length === 0) throw new TidewatchError('TW_NOT_FOUND', `incident ${incident}`)
      const common = done(name, given.note)
      const action = { ...common, incident, ...deedOf(given, common.time) }
      await act(action)
      return { id: action.id, incident }
    },
  })
  return [
    post('acknowledge', 'acknowledgeIncident', 'Somebody looks at it: receivers are told.', z.strictObject({ note }), () => ({
      kind: 'acknowledge',
    })),
    post(
      'silence',
      'silenceIncident',
      'Receivers hear nothing of its subject, in its category, for a while.',
      silenceBody,
      (body, now) => ({
        kind: 'silence',
        until: body.until === undefined ? now + body.for! * 1e6 : Date.parse(body.until) * 1000,
      }),
    ),
    post(
      'feedback',
      'giveFeedback',
      'Whether it was a true alarm, a false one, or real but benign. Moves the calibration of its subject as docs/decisions.md says.',
      z.strictObject({ verdict: verdicts, note }),
      ({ verdict }) => ({ kind: 'feedback', verdict }),
    ),
    {
      method: 'GET',
      path: '/api/v1/actions',
      id: 'listActions',
      summary: 'What people did about incidents, newest first.',
      role: 'viewer',
      query: actionQuery,
      answer: { type: 'application/json', schema: page(actionSchema) },
      handle(request) {
        const { limit, before, ...filter } = parseRequest(actionQuery, request.query)
        return readActions(store, filter, limit, decodeCursor(before))
      },
    },
  ]
}
