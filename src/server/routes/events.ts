import type { ServerResponse } from 'node:http'
import { z } from 'zod'
import type { Alert } from '../../decisions/alert.ts'
import type { ServerDeps } from '../deps.ts'
import { securityHeaders } from '../headers.ts'
import type { Progress } from '../progress.ts'
import type { Route } from '../route.ts'

/** Streams at once; more are told to come back. */
const MAX_STREAMS = 100
/** Bytes that may wait for a slow reader before its stream is cut; it comes back and catches up. */
const MAX_WAITING = 1 << 20

const frame = (event: string, data: string, id?: string) => `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`

/** Server-sent events. Holds the open streams; `close` ends them, which a graceful stop of the server needs. */
export class EventStreams {
  private readonly open = new Set<ServerResponse>()
  private readonly deps: Pick<ServerDeps, 'alerts'>
  private readonly progress: Progress

  constructor(deps: Pick<ServerDeps, 'alerts'>, progress: Progress) {
    this.deps = deps
    this.progress = progress
  }

  route(): Route {
    return {
      method: 'GET',
      path: '/api/v1/events',
      id: 'streamEvents',
      summary:
        'Live events: `alert` (its id is the event id, Last-Event-ID catches up), `progress` every second, `reset` when what was missed is too old to be kept and lists must be read anew.',
      role: 'viewer',
      answer: { type: 'text/event-stream', schema: z.string() },
      otherAnswers: { 503: 'Too many streams are open.' },
      handle: (request, reply) => {
        if (this.open.size >= MAX_STREAMS) return reply.code(503).header('retry-after', '5').send()
        const last = request.headers['last-event-id']
        reply.hijack()
        this.stream(reply.raw, typeof last === 'string' && last !== '' ? last : null)
        return reply
      },
    }
  }

  close(): void {
    for (const response of this.open) response.end()
  }

  private stream(response: ServerResponse, last: string | null): void {
    const write = (text: string) => {
      response.write(text)
      if (response.writableLength > MAX_WAITING) response.destroy()
    }
    const tell = (alert: Alert) => write(frame('alert', JSON.stringify(alert), alert.id))
    const tellProgress = () => write(frame('progress', JSON.stringify(this.progress.read())))

    response.writeHead(200, {
      ...securityHeaders,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    write('retry: 2000\n\n')
    const missed = last === null ? [] : this.deps.alerts.after(last)
    if (missed === null) write(frame('reset', '{}'))
    else missed.forEach(tell)
    tellProgress()

    const ends = [this.deps.alerts.subscribe(tell), this.progress.subscribe(tellProgress)]
    this.open.add(response)
    response.on('error', () => response.destroy())
    response.on('close', () => {
      this.open.delete(response)
      for (const end of ends) end()
    })
  }
}
