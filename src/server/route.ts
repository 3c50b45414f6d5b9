import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { TidewatchError } from '../errors.ts'
import type { Caller, Role } from './auth.ts'

/** One operation of the API. The server registers these and the OpenAPI document is made from the same list, so neither can lack one. */
export interface Route {
  readonly method: 'GET' | 'POST'
  /** With parameters in braces, as OpenAPI writes them. */
  readonly path: string
  readonly id: string
  readonly summary: string
  /** Null: open to everybody who reaches the port. */
  readonly role: Role | null
  readonly parameters?: z.ZodObject
  readonly query?: z.ZodObject
  /** JSON of a POST. */
  readonly body?: z.ZodType
  /** Of success. @default 200 */
  readonly status?: number
  readonly answer: { readonly type: 'application/json' | 'text/plain' | 'text/event-stream'; readonly schema: z.ZodType }
  /** Answers other than 200 and the errors that all share. */
  readonly otherAnswers?: Readonly<Record<number, string>>
  handle(request: FastifyRequest, reply: FastifyReply, caller: Caller): unknown
}

/** Throws TW_REQUEST_INVALID, which tells each value that is wrong and why. */
export function parseRequest<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const detail = parsed.error.issues.map((issue) => (issue.path.length > 0 ? `${issue.path.join('.')}: ${issue.message}` : issue.message))
  throw new TidewatchError('TW_REQUEST_INVALID', detail.join('; '))
}
