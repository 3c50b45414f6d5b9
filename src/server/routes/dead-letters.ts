import { z } from 'zod'
import { TidewatchError } from '../../errors.ts'
import type { Signal } from '../../telemetry/otlp/records.ts'
import { microsOf } from '../../telemetry/time.ts'
import { decodeCursor } from '../cursor.ts'
import type { ServerDeps } from '../deps.ts'
import { readDeadLetter, readDeadLetters, type ShownDeadLetter } from '../read-dead-letters.ts'
import { parseRequest, type Route } from '../route.ts'
import { deadLetterSchema, page, paging } from '../schemas.ts'

const filters = {
  code: z.string().min(1).optional().describe('Code of the reason.'),
  topic: z.string().min(1).optional().describe('Topic that it stood in; `otlp_journal` for what came by OTLP without Kafka.'),
  since: z.iso.datetime({ offset: true }).optional().describe('Only those of this time or later, ISO 8601.'),
}

const listQuery = z.strictObject({
  ...paging,
  ...filters,
  replayed: z.enum(['true', 'false']).optional().describe('Only those that were replayed, or only those that were not.'),
})

const parameters = z.strictObject({ id: z.string().min(1).max(1000) })

const replayBody = z
  .strictObject({
    ids: z.array(z.string().min(1).max(1000)).min(1).max(500).optional().describe('These.'),
    ...filters,
    limit: z.number().int().min(1).max(500).default(100).describe('Or at most so many that the filters find, newest first.'),
  })
  .refine(({ ids, code, topic, since }) => (ids === undefined) !== (code === undefined && topic === undefined && since === undefined), {
    error: 'expected either `ids` or filters',
  })

const outcomeSchema = z.object({
  id: z.string(),
  outcome: z.enum(['replayed', 'before', 'impossible']).describe('`before`: it was replayed already and was left alone.'),
  reason: z.string().nullable(),
})

const oneSchema = deadLetterSchema.extend({
  base64: z.string().describe('What is kept of its bytes.'),
})

/** Records that were refused: look at them, and put them into the log again. */
export function deadLetterRoutes({ store, resend }: Pick<ServerDeps, 'store' | 'resend'>): Route[] {
  /**
   * First into the log, then the mark: what dies in between is repeated by whoever asks again, and the pipeline takes a letter in once.
   */
  const replay = async (id: string, by: string): Promise<z.output<typeof outcomeSchema>> => {
    const { letter, bytes } = await readDeadLetter(store, id)
    if (letter.replayed !== null) return { id, outcome: 'before', reason: `by ${letter.replayed.by} at ${letter.replayed.time}` }
    if (letter.notReplayable !== null) return { id, outcome: 'impossible', reason: letter.notReplayable }
    await resend({ letter: id, signal: letter.signal as Signal, value: bytes })
    await store.insert('dead_letter_replays', [{ letter: id, time: Date.now() * 1000, by }], `replay/${id}`)
    return { id, outcome: 'replayed', reason: null }
  }
  return [
    {
      method: 'GET',
      path: '/api/v1/dead-letters',
      id: 'listDeadLetters',
      summary: 'Records that were refused, newest first, without their bytes.',
      role: 'viewer',
      query: listQuery,
      answer: { type: 'application/json', schema: page(deadLetterSchema) },
      handle(request) {
        const { limit, before, since, replayed, ...filter } = parseRequest(listQuery, request.query)
        return readDeadLetters(
          store,
          { ...filter, since: microsFrom(since), replayed: replayed === undefined ? undefined : replayed === 'true' },
          limit,
          decodeCursor(before),
        )
      },
    },
    {
      method: 'GET',
      path: '/api/v1/dead-letters/{id}',
      id: 'getDeadLetter',
      summary: 'One refused record with the bytes that are kept of it, which may hold content.',
      role: 'operator',
      parameters,
      answer: { type: 'application/json', schema: oneSchema },
      otherAnswers: { 404: 'There is no such dead letter.' },
      async handle(request) {
        const { letter, bytes } = await readDeadLetter(store, parseRequest(parameters, request.params).id)
        return { ...letter, base64: bytes.toString('base64') }
      },
    },
    {
      method: 'POST',
      path: '/api/v1/dead-letters/replay',
      id: 'replayDeadLetters',
      summary: 'Puts refused records into the log again. Each takes the ordinary way once, however often this is asked.',
      role: 'operator',
      body: replayBody,
      status: 202,
      answer: { type: 'application/json', schema: z.object({ items: z.array(outcomeSchema) }) },
      otherAnswers: { 404: 'There is no such dead letter.' },
      async handle(request, _reply, { name }) {
        const { ids, limit, since, ...filter } = parseRequest(replayBody, request.body)
        const chosen = ids ?? (await waiting({ ...filter, since: microsFrom(since) }, limit)).map(({ id }) => id)
        const items = []
        for (const id of chosen) items.push(await replay(id, name))
        return { items }
      },
    },
  ]

  async function waiting(filter: object, limit: number): Promise<readonly ShownDeadLetter[]> {
    return (await readDeadLetters(store, { ...filter, replayed: false }, limit, decodeCursor(undefined))).items
  }
}

function microsFrom(time: string | undefined): number | undefined {
  if (time === undefined) return undefined
  const date = new Date(time)
  if (Number.isNaN(date.getTime())) throw new TidewatchError('TW_REQUEST_INVALID', `since: ${time}`)
  return microsOf(date.toISOString())
}
