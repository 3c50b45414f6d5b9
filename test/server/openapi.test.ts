import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { createServer } from '../../src/server/app.ts'
import { makeDeps, serverConfig } from './fixture.ts'

const server = createServer(serverConfig(), makeDeps({ engine: 'chdb', query: async () => [], ping: async () => true }))

afterAll(() => server.close())

describe('the OpenAPI document', () => {
  it('holds every route that is served, and no other', async () => {
    await server.app.ready()
    const tree = server.app.printRoutes({ commonPrefix: false, includeHooks: false })
    const served: string[] = []
    const stack: string[] = []
    for (const line of tree.split('\n')) {
      const [, indent, path, methods] = /^([│\s]*)[└├]── (\S+) \(([^)]*)\)/.exec(line) ?? []
      if (path === undefined) continue
      const depth = indent!.length / 4
      stack.length = depth
      stack[depth] = path
      const whole = stack.join('').replace(/:(\w+)/g, '{$1}')
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
        if (methods!.split(', ').includes(method)) served.push(`${method} ${whole}`)
    }
    const { paths } = (await server.app.inject('/api/v1/openapi.json')).json()
    const shown = Object.entries<object>(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(shown.sort()).toEqual(served.filter((route) => route !== 'GET /' && !route.includes('*')).sort())
    expect(served).toContain('GET /api/v1/incidents/{id}')
    expect(served).toContain('POST /api/v1/incidents/{id}/silence')
    const page = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8')
    for (const path of Object.keys(paths)) expect(page).toContain(`\`${path}\``)
  })

  it('is OpenAPI 3.1 with references that lead somewhere, unique ids and described parameters', async () => {
    const document = (await server.app.inject('/api/v1/openapi.json')).json()
    expect(document.openapi).toBe('3.1.0')
    const text = JSON.stringify(document)
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1]!)
    expect(new Set(references)).toEqual(new Set(['Alert', 'Error']))
    for (const name of references) expect(document.components.schemas[name].type).toBe('object')
    const operations = Object.values<Record<string, { operationId: string; requestBody?: object }>>(document.paths).flatMap((path) =>
      Object.entries(path),
    )
    expect(new Set(operations.map(([, { operationId }]) => operationId)).size).toBe(operations.length)
    for (const [method, { requestBody }] of operations) expect(requestBody !== undefined).toBe(method === 'post')
    expect(document.paths['/api/v1/incidents/{id}/feedback'].post).toMatchObject({
      requestBody: { content: { 'application/json': { schema: { required: ['verdict'] } } } },
      responses: { 202: {}, 400: {}, 401: {}, 404: {} },
    })
    expect(document.paths['/api/v1/incidents/{id}'].get.parameters).toMatchObject([{ name: 'id', in: 'path', required: true }])
    const limit = document.paths['/api/v1/alerts'].get.parameters.find((parameter: { name: string }) => parameter.name === 'limit')
    expect(limit).toMatchObject({ in: 'query', required: false, schema: { minimum: 1, maximum: 500, default: 50 } })
  })
})
