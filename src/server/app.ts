import fastifyStatic from '@fastify/static'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { z } from 'zod'
import type { Config } from '../config/schema.ts'
import { type ErrorCode, listenError, TidewatchError } from '../errors.ts'
import { Access, anybody, type Caller } from './auth.ts'
import { consoleFolder, isConsolePage } from './console.ts'
import type { ServerDeps } from './deps.ts'
import { securityHeaders } from './headers.ts'
import { openApiDocument } from './openapi.ts'
import { Progress } from './progress.ts'
import type { Route } from './route.ts'
import { actionRoutes } from './routes/actions.ts'
import { alertRoutes } from './routes/alerts.ts'
import { backupRoutes } from './routes/backup.ts'
import { calibrationRoutes } from './routes/calibration.ts'
import { deadLetterRoutes } from './routes/dead-letters.ts'
import { detectorRoutes } from './routes/detectors.ts'
import { EventStreams } from './routes/events.ts'
import { evidenceRoutes } from './routes/evidence.ts'
import { healthRoutes } from './routes/health.ts'
import { modelRoutes } from './routes/models.ts'
import { pipelineRoutes } from './routes/pipeline.ts'
import { principalRoutes } from './routes/principals.ts'
import { runRoutes } from './routes/runs.ts'
import { settingsRoutes } from './routes/settings.ts'
import { webhookRoutes } from './routes/webhooks.ts'

const STATUS: Partial<Record<ErrorCode, number>> = {
  TW_REQUEST_INVALID: 400,
  TW_REQUEST_UNAUTHORIZED: 401,
  TW_NOT_FOUND: 404,
  TW_OUTPUT_UNWRITABLE: 409,
  TW_SOURCE_UNAVAILABLE: 503,
  TW_JOURNAL_FULL: 503,
  TW_JOURNAL_UNWRITABLE: 503,
  TW_STORE_UNAVAILABLE: 503,
  TW_INSTANCE_UNREACHABLE: 503,
}

export interface Server {
  readonly app: FastifyInstance
  /** Begins to listen; gives the address. Rejects with TW_LISTEN_FAILED when it cannot be had. */
  listen(): Promise<string>
  /** Ends event streams and open requests. Idempotent. */
  close(): Promise<void>
}

/** OpenAPI's braces as fastify's colons. */
const fastifyPath = (path: string) => path.replace(/\{(\w+)\}/g, ':$1')

function documentRoute(routes: readonly Route[], version: string): Route {
  const route: Route = {
    method: 'GET',
    path: '/api/v1/openapi.json',
    id: 'getOpenApi',
    summary: 'This document.',
    role: 'viewer',
    answer: { type: 'application/json', schema: z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) }) },
    handle: () => document,
  }
  const document = openApiDocument([...routes, route], version)
  return route
}

/**
 * API, health, metrics and console on one port. Throws TW_CONFIG_INVALID when it could be reached from outside and has no
 * tokens. Errors answer `{"error":{code,message,action}}`; nothing of an unexpected one is told but logged.
 */
export function createServer(config: Config['server'], deps: ServerDeps, log?: FastifyBaseLogger): Server {
  const access = new Access(config)
  const progress = new Progress(deps.status)
  const streams = new EventStreams(deps, progress)
  const shown = [
    ...healthRoutes(deps),
    ...alertRoutes(deps),
    ...actionRoutes(deps),
    ...calibrationRoutes(deps),
    ...evidenceRoutes(deps),
    ...principalRoutes(deps),
    ...modelRoutes(deps),
    ...runRoutes(deps),
    ...detectorRoutes(deps),
    ...pipelineRoutes(deps, progress),
    ...deadLetterRoutes(deps),
    ...backupRoutes(deps),
    ...webhookRoutes(deps),
    ...settingsRoutes(deps),
    streams.route(),
  ]
  const routes = [...shown, documentRoute(shown, deps.version)]
  const app = Fastify({
    ...(log ? { loggerInstance: log } : { logger: false }),
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: true,
    bodyLimit: 64 * 1024,
  })

  app.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders)
    if (!access.acceptsHost(request.hostname)) {
      throw new TidewatchError('TW_REQUEST_UNAUTHORIZED', `this server answers to loopback names only, not to ${request.hostname}`)
    }
  })

  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const status = error instanceof TidewatchError ? (STATUS[error.code] ?? 500) : (error.statusCode ?? 500)
    if (status === 401) reply.header('www-authenticate', 'Bearer')
    if (status >= 500) request.log.error({ err: error, path: request.routeOptions.url }, 'request failed')
    const told = error instanceof TidewatchError && status !== 500 ? error : plainError(status, error)
    return reply.code(status).send({ error: { code: told.code, message: told.message, action: told.action } })
  })

  app.setNotFoundHandler((request, reply) => {
    if (request.method === 'GET' && isConsolePage(request.url)) return reply.sendFile('index.html')
    throw new TidewatchError('TW_NOT_FOUND', request.url.split('?', 1)[0]!)
  })

  // A page elsewhere can make a browser post a form or text to this machine without asking, but not JSON.
  app.removeContentTypeParser('text/plain')

  const callerOf = (route: Route, authorization: string | undefined): Caller => {
    if (route.role === null) return anybody
    const caller = access.caller(authorization)
    if (caller === null) throw new TidewatchError('TW_REQUEST_UNAUTHORIZED', 'no token, or one that is not known')
    if (route.role === 'operator' && caller.role !== 'operator')
      throw new TidewatchError('TW_REQUEST_UNAUTHORIZED', 'the role operator is needed')
    return caller
  }

  for (const route of routes) {
    app.route({
      method: route.method,
      url: fastifyPath(route.path),
      // Before the body is read.
      async onRequest(request) {
        callerOf(route, request.headers.authorization)
      },
      handler(request, reply) {
        if (route.answer.type === 'application/json') reply.type('application/json; charset=utf-8').header('cache-control', 'no-store')
        if (route.status !== undefined) reply.code(route.status)
        return route.handle(request, reply, callerOf(route, request.headers.authorization))
      },
    })
  }

  app.register(fastifyStatic, { root: consoleFolder, prefix: '/', cacheControl: false, index: 'index.html' })

  return {
    app,
    listen: () =>
      app.listen({ host: config.host, port: config.port }).catch((cause) => {
        throw listenError('server.port', config.host, config.port, cause)
      }),
    async close() {
      progress.stop()
      streams.close()
      await app.close()
    },
  }
}

function plainError(status: number, error: Error): TidewatchError {
  return status < 500 ? new TidewatchError('TW_REQUEST_INVALID', error.message) : new TidewatchError('TW_INTERNAL', 'see the log')
}
