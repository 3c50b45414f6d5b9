import { z } from 'zod'
import type { Route } from './route.ts'
import { alertSchema, errorSchema } from './schemas.ts'

const jsonSchema = (schema: z.ZodType, io: 'input' | 'output' = 'output') => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io })
  return rest
}

const ALERT = { $ref: '#/components/schemas/Alert' }

/** Replaces the alert's schema, wherever it stands, by a reference to the component. */
function withReferences(schema: unknown, alert: string): unknown {
  if (typeof schema !== 'object' || schema === null) return schema
  if (Array.isArray(schema)) return schema.map((entry) => withReferences(entry, alert))
  const { description: _, ...bare } = schema as Record<string, unknown>
  if (JSON.stringify(bare) === alert) return ALERT
  return Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, withReferences(value, alert)]))
}

function parametersOf(schema: z.ZodObject | undefined, place: 'query' | 'path') {
  if (!schema) return []
  const { properties = {}, required = [] } = jsonSchema(schema, 'input')
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = property as { description?: string }
    return { name, in: place, required: place === 'path' || required.includes(name), ...(description ? { description } : {}), schema: rest }
  })
}

const errorAnswer = (description: string) => ({
  description,
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
})

/** An answer that only some routes have: below 500 an error, else the same as of success where that is JSON, and nothing where it is a stream. */
function other({ answer }: Route, code: number, description: string): object {
  if (code < 500) return errorAnswer(description)
  return answer.type === 'application/json'
    ? { description, content: { 'application/json': { schema: jsonSchema(answer.schema) } } }
    : { description }
}

/** The OpenAPI 3.1 document of the routes. */
export function openApiDocument(routes: readonly Route[], version: string) {
  const { description: _, ...bareAlert } = jsonSchema(alertSchema)
  const alert = JSON.stringify(bareAlert)
  const operation = (route: Route) => ({
    operationId: route.id,
    summary: route.summary,
    ...(route.role === null ? { security: [] } : {}),
    ...(route.body
      ? { requestBody: { required: true, content: { 'application/json': { schema: jsonSchema(route.body, 'input') } } } }
      : {}),
    parameters: [...parametersOf(route.parameters, 'path'), ...parametersOf(route.query, 'query')],
    responses: {
      [route.status ?? 200]: {
        description: route.status === 202 ? 'Taken: it is in the log and takes effect in its turn.' : 'Done.',
        content: { [route.answer.type]: { schema: withReferences(jsonSchema(route.answer.schema), alert) } },
      },
      ...Object.fromEntries(
        Object.entries(route.otherAnswers ?? {}).map(([code, description]) => [code, other(route, Number(code), description)]),
      ),
      ...(route.query || route.parameters || route.body
        ? { 400: errorAnswer('A parameter is wrong; the message says which and why.') }
        : {}),
      ...(route.role === null ? {} : { 401: errorAnswer('No token, one that is not known, or one whose role does not suffice.') }),
      ...(route.role === null ? {} : { 503: errorAnswer('The store does not answer.') }),
    },
  })
  return {
    openapi: '3.1.0',
    info: { title: 'Tidewatch', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    security: [{ bearer: [] }],
    paths: pathsOf(routes, operation),
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: { Alert: jsonSchema(alertSchema), Error: jsonSchema(errorSchema) },
    },
  }
}

/** By path, then by method. */
function pathsOf<T>(routes: readonly Route[], operation: (route: Route) => T): Record<string, Record<string, T>> {
  const paths: Record<string, Record<string, T>> = {}
  for (const route of routes) paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) }
  return paths
}
