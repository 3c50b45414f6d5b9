import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { configSchema } from '../../src/config/schema.ts'
import { Journal } from '../../src/sources/journal/journal.ts'
import { type Instance, startInstance } from '../../src/stages/instance.ts'
import { mixedLog } from '../support/mixed-log.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts'
import { TOKENS } from './fixture.ts'

// Every operation of the OpenAPI document, asked of a running instance over HTTP: each answer must be what the document says.

interface Operation {
  parameters: { name: string; in: 'path' | 'query'; required: boolean }[]
  responses: Record<string, { content?: Record<string, { schema: object }> }>
  security?: unknown[]
}

/** What an operation is asked with: paths are filled in from `path`. */
interface Example {
  readonly path?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly body?: object
  /** The answer without tokens is the same. */
  readonly open?: boolean
}

interface Answer {
  status: number
  type: string
  body: unknown
}

describe('every operation of the OpenAPI document', () => {
  let directory: string
  let instance: Instance
  let receiver: WebhookReceiver
  let document: { paths: Record<string, Record<string, Operation>>; components: { schemas: Record<string, object> } }
  let examples: Record<string, Example[]>
  const [viewer, operator] = TOKENS.map(({ token }) => token)

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tw-routes-'))
    receiver = await startWebhookReceiver()
    const journal = await Journal.open({ ...configSchema.parse({}).journal, directory: join(directory, 'data/journal') })
    // Lists tell of the last days.
    await journal.append(mixedLog(Date.now() - 4 * 86_400_000))
    await journal.close()
    const settings = {
      data: { directory: join(directory, 'data') },
      otlp: { http: { enabled: false }, grpc: { enabled: false } },
      server: { port: 0, tokens: TOKENS },
      delivery: { pageWithin: '9999d' },
      webhooks: [{ name: 'pager', url: receiver.url, secret: `whsec_${'A'.repeat(32)}` }],
    }
    instance = await startInstance(configSchema.parse(settings), { log: pino({ level: 'silent' }), version: 'test' })
    await instance.drained()
    await receiver.next()
    document = (await ask('GET', '/api/v1/openapi.json')).body as typeof document
    examples = await examplesOf()
  }, 120_000)

  afterAll(async () => {
    await instance?.stop()
    await receiver?.close()
    await rm(directory, { recursive: true, force: true })
  })

  async function ask(method: string, path: string, { query = {}, body }: Example = {}, token: string | null = operator!): Promise<Answer> {
    const url = new URL(path, instance.addresses.api)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const response = await fetch(url, {
      method,
      headers: { ...(token !== null && { authorization: `Bearer ${token}` }), ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    const type = response.headers.get('content-type')?.split(';')[0] ?? ''
    const text = await response.text()
    return { status: response.status, type, body: type === 'application/json' ? JSON.parse(text) : text }
  }

  async function first<T>(path: string): Promise<T> {
    const { items } = (await ask('GET', path)).body as { items: T[] }
    expect(items.length, path).toBeGreaterThan(0)
    return items[0]!
  }

  /** Asked with what the instance found, so that answers have something in them. */
  async function examplesOf(): Promise<Record<string, Example[]>> {
    const incident = await first<{ incident: string; subject: { id: string } }>('/api/v1/incidents')
    const alert = await first<{ id: string }>('/api/v1/alerts')
    const letter = await first<{ id: string }>('/api/v1/dead-letters')
    const reference = await first<{ detector: string; population: string }>('/api/v1/references')
    const soon = { from: '2026-03-04T10:00:00Z', until: '2026-03-04T12:00:00Z', note: 'load test' }
    const announced = (await ask('POST', '/api/v1/expectations', { body: soon })).body as { id: string }
    await instance.drained()
    const about = { id: incident.incident }
    return {
      'GET /healthz': [{ open: true }],
      'GET /readyz': [{ open: true }],
      'GET /metrics': [{}],
      'GET /api/v1/alerts': [{}, { query: { limit: '1', severity: 'low', open: 'false', q: incident.subject.id } }],
      'GET /api/v1/incidents': [{}, { query: { limit: '1', category: 'extraction', since: '2020-01-01T00:00:00Z' } }],
      'GET /api/v1/incidents/counts': [{}],
      'GET /api/v1/incidents/{id}': [{ path: about }],
      'GET /api/v1/incidents/{id}/evidence': [{ path: about }],
      'GET /api/v1/incidents/{id}/calls': [{ path: about }, { path: about, query: { limit: '1' } }],
      'POST /api/v1/incidents/{id}/acknowledge': [{ path: about, body: { note: 'on it' } }],
      'POST /api/v1/incidents/{id}/silence': [{ path: about, body: { for: '1h' } }],
      'POST /api/v1/incidents/{id}/feedback': [{ path: about, body: { verdict: 'benign' } }],
      'GET /api/v1/actions': [{}, { query: { kind: 'expect' } }],
      'GET /api/v1/references': [{}],
      'POST /api/v1/references/freeze': [{ body: { detector: reference.detector, population: reference.population } }],
      'POST /api/v1/references/thaw': [{ body: { detector: reference.detector, population: reference.population } }],
      'GET /api/v1/expectations': [{}],
      'POST /api/v1/expectations': [{ body: soon }],
      'POST /api/v1/expectations/{id}/withdraw': [{ path: { id: announced.id }, body: {} }],
      'GET /api/v1/principals': [{ query: { days: '30' } }, { query: { q: incident.subject.id, days: '30' } }],
      'GET /api/v1/principals/{id}': [{ path: { id: incident.subject.id } }],
      'POST /api/v1/principals/find': [{ body: { id: 'somebody' } }],
      'GET /api/v1/models': [{ query: { days: '30' } }],
      'GET /api/v1/runs': [{}],
      'GET /api/v1/runs/{run}': [{ path: { run: 'run-1' } }],
      'GET /api/v1/runs/{run}/confusion': [{ path: { run: 'run-1' }, query: { source: 'source-0' } }],
      'GET /api/v1/detectors': [{}],
      'GET /api/v1/detectors/{name}/calibration': [{ path: { name: 'query-shift' } }, { path: { name: 'series-anomaly' } }],
      'GET /api/v1/status': [{}],
      'GET /api/v1/dead-letters': [{}, { query: { replayed: 'false' } }],
      'GET /api/v1/dead-letters/{id}': [{ path: { id: letter.id } }],
      'POST /api/v1/dead-letters/replay': [{ body: { ids: [letter.id] } }],
      'POST /api/v1/backup': [{ body: { directory: join(directory, 'backup') } }],
      'GET /api/v1/webhooks': [{}],
      'POST /api/v1/webhooks/{name}/test': [{ path: { name: 'pager' }, body: {} }],
      'POST /api/v1/webhooks/deliveries/replay': [{ body: { id: alert.id } }],
      'GET /api/v1/webhooks/deliveries': [{}, { query: { state: 'delivered', limit: '1' } }],
      'GET /api/v1/settings': [{}],
      'GET /api/v1/openapi.json': [{}],
    }
  }

  function operations(): [string, Operation][] {
    return Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): [string, Operation] => [`${method.toUpperCase()} ${path}`, operation]),
    )
  }

  /** The schema that the document has for an answer. */
  function schemaOf({ responses }: Operation, { status, type }: Answer): z.ZodType {
    const schema = responses[status]?.content?.[type]?.schema
    expect(schema, `${status} ${type} is not in the document`).toBeDefined()
    const text = JSON.stringify({ ...schema, $defs: document.components.schemas }).replaceAll('#/components/schemas/', '#/$defs/')
    return z.fromJSONSchema(JSON.parse(text))
  }

  function expectDocumented(operation: Operation, answer: Answer): void {
    const { error } = schemaOf(operation, answer).safeParse(answer.body)
    expect(error && z.prettifyError(error)).toBeUndefined()
  }

  const pathOf = (operation: string, { path = {} }: Example) => {
    const [method, template] = operation.split(' ') as [string, string]
    return [method, template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(path[name]!))] as const
  }

  it('has an example here, but for the stream', () => {
    expect(
      operations()
        .map(([name]) => name)
        .filter((name) => name !== 'GET /api/v1/events')
        .sort(),
    ).toEqual(Object.keys(examples).sort())
  })

  it('answers as the document says, with what an instance really found', async () => {
    const failures: string[] = []
    for (const [name, operation] of operations()) {
      for (const example of examples[name] ?? []) {
        const answer = await ask(...pathOf(name, example), example)
        try {
          expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
          expectDocumented(operation, answer)
        } catch (error) {
          failures.push(`${name} ${JSON.stringify(example)}: ${(error as Error).message}`)
        }
      }
    }
    expect(failures).toEqual([])
  }, 60_000)

  it('refuses what it does not know, who is nobody, and parameters that mean nothing, each as the document says', async () => {
    const failures: string[] = []
    const check = async (name: string, operation: Operation, example: Example, expected: number, token: string | null = operator!) => {
      try {
        const answer = await ask(...pathOf(name, example), example, token)
        expect(answer.status, JSON.stringify(answer.body)).toBe(expected)
        expectDocumented(operation, answer)
      } catch (error) {
        failures.push(`${name} ${expected}: ${(error as Error).message}`)
      }
    }
    for (const [name, operation] of operations()) {
      const [example = {}] = examples[name] ?? []
      if (!example.open) await check(name, operation, example, 401, null)
      if (name.startsWith('POST ') && name !== 'POST /api/v1/principals/find') await check(name, operation, example, 401, viewer!)
      if (example.body) await check(name, operation, { ...example, body: { ...example.body, nonsense: true } }, 400)
      if (operation.parameters.some(({ in: place }) => place === 'query'))
        await check(name, operation, { ...example, query: { ...example.query, nonsense: '1' } }, 400)
      if (example.path && operation.responses[404]) {
        const unknown = Object.fromEntries(Object.keys(example.path).map((key) => [key, 'nothing-of-that-name']))
        await check(name, operation, { ...example, path: unknown }, 404)
      }
    }
    expect(failures).toEqual([])
  }, 60_000)

  it('streams alerts as the document has them, under their ids', async () => {
    const abort = new AbortController()
    const { items } = (await ask('GET', '/api/v1/alerts', { query: { limit: '500' } })).body as { items: { id: string; time: string }[] }
    const response = await fetch(new URL('/api/v1/events', instance.addresses.api), {
      headers: { authorization: `Bearer ${viewer}`, 'last-event-id': items.at(-1)!.id },
      signal: abort.signal,
    })
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    let text = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk
      if (text.includes('event: progress') && text.endsWith('\n\n')) break
    }
    abort.abort()
    const progress = /event: progress\ndata: (.*)\n/.exec(text)![1]!
    const { properties } = document.paths['/api/v1/status']!.get!.responses[200]!.content!['application/json']!.schema as {
      properties: Record<string, object>
    }
    for (const name of Object.keys(JSON.parse(progress))) expect(properties).toHaveProperty(name)
    const alerts = [...text.matchAll(/id: (.*)\nevent: alert\ndata: (.*)\n/g)]
    expect(alerts.length).toBe(items.length - 1)
    const schema = z.fromJSONSchema(document.components.schemas.Alert as never)
    for (const [, id, data] of alerts) {
      expect(schema.safeParse(JSON.parse(data!)).success).toBe(true)
      expect(JSON.parse(data!).id).toBe(id)
    }
  }, 30_000)
})
