import { request } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createServer, type Server } from '../../src/server/app.ts'
import { AlertFeed } from '../../src/server/feed.ts'
import { makeAlert } from '../support/alerts.ts'
import { idle, makeDeps, serverConfig, TOKENS } from './fixture.ts'

const store = { engine: 'chdb' as const, query: async () => [], ping: async () => true }

let server: Server
let feed: AlertFeed
let events = 0
let streams: { close(): void }[]

beforeEach(() => {
  feed = new AlertFeed(3)
  streams = []
  const status = () => {
    events += 250
    return { ...idle, events }
  }
  server = createServer(serverConfig(), makeDeps(store, { alerts: feed, status }))
})

afterEach(async () => {
  for (const stream of streams) stream.close()
  await server.close()
})

interface Frame {
  event: string
  id: string | undefined
  data: unknown
}

/** An open event stream; `next` gives its frames of one kind in order, `ended` resolves when the server ends it. */
async function open(headers: Record<string, string> = {}) {
  const url = await server.listen().catch(() => `http://127.0.0.1:${(server.app.server.address() as { port: number }).port}`)
  const frames: Frame[] = []
  const waiting = new Set<() => void>()
  const outgoing = request(`${url}/api/v1/events`, { headers })
  const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    outgoing.on('response', resolve).on('error', reject).end()
  })
  let buffer = ''
  response.setEncoding('utf8')
  response.on('error', () => {})
  response.on('data', (chunk: string) => {
    buffer += chunk
    const parts = buffer.split('\n\n')
    buffer = parts.pop()!
    for (const part of parts) {
      const fields = Object.fromEntries(part.split('\n').map((line) => line.split(/: (.*)/s) as [string, string]))
      if (fields.event) frames.push({ event: fields.event, id: fields.id, data: JSON.parse(fields.data!) })
    }
    for (const check of waiting) check()
  })
  const stream = {
    response,
    ended: new Promise<void>((resolve) => response.on('close', () => resolve())),
    next: (event: string) =>
      new Promise<Frame>((resolve) => {
        const check = () => {
          const index = frames.findIndex((frame) => frame.event === event)
          if (index < 0) return
          waiting.delete(check)
          resolve(frames.splice(0, index + 1).at(-1)!)
        }
        waiting.add(check)
        check()
      }),
    close: () => void outgoing.destroy(),
  }
  streams.push(stream)
  return stream
}

describe('/api/v1/events', () => {
  it('tells every alert as it is published, to all who listen', async () => {
    const [one, two] = [await open(), await open()]
    const alert = makeAlert({ title: 'line\nbreak' })
    feed.publish([alert])
    for (const stream of [one, two]) expect(await stream.next('alert')).toEqual({ event: 'alert', id: alert.id, data: alert })
    expect(one.response.headers['content-type']).toBe('text/event-stream; charset=utf-8')
    expect(one.response.headers['content-security-policy']).toContain("default-src 'none'")
  })

  it('tells the progress at once and every second, with a rate', async () => {
    const stream = await open()
    expect((await stream.next('progress')).data).toMatchObject({ eventsPerSecond: 0, lag: [] })
    expect(((await stream.next('progress')).data as { eventsPerSecond: number }).eventsPerSecond).toBeGreaterThan(0)
  })

  it('catches up after the last event id that the reader saw', async () => {
    feed.publish(['a', 'b', 'c'].map((id) => makeAlert({ id })))
    const stream = await open({ 'last-event-id': 'a' })
    expect((await stream.next('alert')).id).toBe('b')
    expect((await stream.next('alert')).id).toBe('c')
  })

  it('says reset when what was missed is not kept any more', async () => {
    feed.publish(['a', 'b', 'c', 'd'].map((id) => makeAlert({ id })))
    const stream = await open({ 'last-event-id': 'a' })
    await stream.next('reset')
  })

  it('ends when the server closes, and asks for a token like everything else', async () => {
    const stream = await open()
    await server.close()
    await stream.ended
    server = createServer(serverConfig({ tokens: TOKENS }), makeDeps(store))
    const refused = await server.app.inject('/api/v1/events')
    expect(refused.statusCode).toBe(401)
  })
})
