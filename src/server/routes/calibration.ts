import { z } from 'zod'
import type { Action, ExpectAction } from '../../decisions/action.ts'
import { detectors } from '../../detection/registry.ts'
import { TidewatchError } from '../../errors.ts'
import { isoMicros } from '../../telemetry/time.ts'
import type { ServerDeps } from '../deps.ts'
import { done } from '../done.ts'
import { parseRequest, type Route } from '../route.ts'

const note = z.string().max(1000).default('').describe('Why; stored with the action.')
const taken = z.object({ id: z.string().describe('Id of the action.') })
const time = z.iso.datetime({ offset: true })
const categories = z.enum(['extraction', 'poisoning', 'activation', 'signal', 'trust'])

const referenceBody = z.strictObject({ detector: z.string().min(1), population: z.string().min(1), note })
const referenceSchema = z.object({
  detector: z.string(),
  population: z.string().describe('The subjects that are compared with each other.'),
  subjects: z.number(),
  since: z.string().describe('Event time from which on it learns.'),
  lacks: z.string().nullable().describe('What it needs until it can judge.'),
  frozen: z.object({ by: z.string(), time: z.string(), note: z.string() }).nullable(),
})

/** A population that a detector compares subjects with, as the API shows it. */
export type ShownReference = z.output<typeof referenceSchema>

const expectationBody = z
  .strictObject({
    from: time,
    until: time,
    model: z.string().min(1).optional(),
    service: z.string().min(1).optional(),
    category: categories.optional(),
    note,
  })
  .refine(({ from, until }) => Date.parse(from) < Date.parse(until), { error: 'expected `from` to be before `until`' })
const expectationSchema = z.object({
  id: z.string(),
  from: z.string(),
  until: z.string(),
  model: z.string().nullable(),
  service: z.string().nullable(),
  category: categories.nullable(),
  by: z.string(),
  note: z.string(),
})
/** A change that was announced, as the API shows it. */
export type ShownExpectation = z.output<typeof expectationSchema>

const withdrawalBody = z.strictObject({ note })
const expectationParameters = z.strictObject({ id: z.string().min(1).max(200) })

/** What detectors learn from and are told in advance. Each change becomes a record of the log, so that a replay of the log knows it. */
export function calibrationRoutes({ decisions: read, act }: Pick<ServerDeps, 'decisions' | 'act'>): Route[] {
  const decisions = () => {
    const found = read()
    if (found.elsewhere)
      throw new TidewatchError('TW_INSTANCE_UNREACHABLE', 'another member of this deployment decides: name that one with --api')
    return found
  }
  const write = async (action: Action) => {
    await act(action)
    return { id: action.id }
  }
  const reference = (kind: 'freeze' | 'thaw', summary: string): Route => ({
    method: 'POST',
    path: `/api/v1/references/${kind}`,
    id: `${kind}Reference`,
    summary,
    role: 'operator',
    body: referenceBody,
    status: 202,
    answer: { type: 'application/json', schema: taken },
    otherAnswers: { 404: 'No detector has seen such a population, or it keeps no reference of one.' },
    async handle(request, _reply, { name }) {
      const { detector, population, note } = parseRequest(referenceBody, request.body)
      if (!decisions().populations.some((known) => known.detector === detector && known.population === population)) {
        const alone = detectors.find((definition) => definition.name === detector)?.perLook === true
        throw new TidewatchError(
          'TW_NOT_FOUND',
          alone ? `${detector} compares each subject with its own past only` : `reference ${detector} ${population}`,
        )
      }
      return write({ kind, detector, population, ...done(name, note) })
    },
  })
  return [
    {
      method: 'GET',
      path: '/api/v1/references',
      id: 'listReferences',
      summary: 'What the detectors compare subjects with: populations, their size and age, and who froze them.',
      role: 'viewer',
      answer: { type: 'application/json', schema: z.object({ items: z.array(referenceSchema) }) },
      handle: () => ({
        items: decisions().populations.map(({ since, frozen, ...rest }) => ({
          ...rest,
          since: isoMicros(since),
          frozen: frozen && { ...frozen, time: isoMicros(frozen.time) },
        })),
      }),
    },
    reference('freeze', 'The population teaches its reference nothing more.'),
    reference('thaw', 'It teaches again.'),
    {
      method: 'GET',
      path: '/api/v1/expectations',
      id: 'listExpectations',
      summary: 'Changes that were announced.',
      role: 'viewer',
      answer: { type: 'application/json', schema: z.object({ items: z.array(expectationSchema) }) },
      handle: () => ({ items: decisions().expectations.map(shown) }),
    },
    {
      method: 'POST',
      path: '/api/v1/expectations',
      id: 'announceChange',
      summary: 'A load test, a release: what is noticed then is recorded, nobody is told, and nothing is learned from it.',
      role: 'operator',
      body: expectationBody,
      status: 202,
      answer: { type: 'application/json', schema: taken },
      async handle(request, _reply, { name }) {
        const { from, until, model, service, category, note } = parseRequest(expectationBody, request.body)
        const announced = {
          kind: 'expect',
          from: micros(from),
          until: micros(until),
          model: model ?? null,
          service: service ?? null,
          category: category ?? null,
        } as const
        return write({ ...announced, ...done(name, note) })
      },
    },
    {
      method: 'POST',
      path: '/api/v1/expectations/{id}/withdraw',
      id: 'withdrawChange',
      summary: 'An announced change is called off.',
      role: 'operator',
      parameters: expectationParameters,
      body: withdrawalBody,
      status: 202,
      answer: { type: 'application/json', schema: taken },
      otherAnswers: { 404: 'No such change was announced.' },
      async handle(request, _reply, { name }) {
        const { id } = parseRequest(expectationParameters, request.params)
        const { note } = parseRequest(withdrawalBody, request.body)
        if (!decisions().expectations.some((announced) => announced.id === id))
          throw new TidewatchError('TW_NOT_FOUND', `expectation ${id}`)
        return write({ kind: 'withdraw', expectation: id, ...done(name, note) })
      },
    },
  ]
}

function shown({ id, from, until, model, service, category, by, note }: ExpectAction) {
  return { id, from: isoMicros(from), until: isoMicros(until), model, service, category, by, note }
}

function micros(iso: string): number {
  return Date.parse(iso) * 1000
}
