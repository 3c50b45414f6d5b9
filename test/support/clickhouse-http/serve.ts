import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { gunzipSync, gzipSync } from 'node:zlib'
import { Session } from 'chdb'
import type { Fault, Faults } from './faults.ts'
import { statusOf } from './statuses.ts'

/** URL parameters that belong to the HTTP interface; every other one is a setting. */
const ownParameters = new Set([
  ...['query', 'database', 'query_id', 'session_id', 'session_timeout', 'user', 'password', 'role', 'default_format', 'compress'],
  ...['decompress', 'buffer_size', 'wait_end_of_query', 'enable_http_compression', 'http_zlib_compression_level', 'stacktrace'],
  ...['send_progress_in_http_headers', 'http_headers_progress_interval_ms', 'http_response_buffer_size', 'client_protocol_version'],
])

/**
 * ClickHouse's HTTP interface over chDB, as far as the official client uses it. Every request has a session of its own, as a
 * stateless request has on a server. `root` keeps the engine open between requests.
 */
export function serve(root: Session, faults: Faults): Server {
  return createServer((request, response) => {
    answer(root.path, faults, request, response).catch((error: unknown) => fail(response, error))
  })
}

async function answer(path: string, faults: Faults, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
  const body = await read(request)
  const text = [searchParams.get('query') ?? '', body].filter((part) => part !== '').join('\n')
  response.setHeader('X-ClickHouse-Server-Display-Name', 'chdb')
  response.setHeader('X-ClickHouse-Query-Id', searchParams.get('query_id') ?? randomUUID())
  response.setHeader('X-ClickHouse-Timezone', 'UTC')
  response.setHeader('Keep-Alive', 'timeout=10')
  if (pathname === '/ping' || (request.method === 'GET' && text === '')) return void response.end('Ok.\n')
  if (pathname !== '/') return void response.writeHead(404).end(`There is no handle ${pathname}\n`)

  const [, table = null] = /^\s*INSERT\s+INTO\s+`?(\w+)`?/i.exec(text) ?? []
  const fault = faults.take({ insert: table !== null, table })
  if (fault && !runs(fault)) return void refuse(fault, request, response)
  if (fault?.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, fault.milliseconds))
  const format = searchParams.get('default_format') ?? 'TabSeparated'
  const result = await run(path, fault?.kind === 'forget' ? forgetful(text) : text, format, request.method === 'GET', searchParams)
  if (fault?.kind === 'cut') return void request.socket.resetAndDestroy()
  response.setHeader('X-ClickHouse-Format', format)
  response.setHeader('X-ClickHouse-Summary', JSON.stringify(summary(result.rowsRead, result.bytesRead, table !== null)))
  send(request, response, searchParams, Buffer.from(result.bytes()))
}

const runs = (fault: Fault): boolean => fault.kind === 'forget' || fault.kind === 'slow' || (fault.kind === 'cut' && fault.when === 'after')

function refuse(fault: Fault, request: IncomingMessage, response: ServerResponse): void {
  if (fault.kind === 'cut') request.socket.resetAndDestroy()
  else if (fault.kind === 'status') response.writeHead(fault.status, { 'Content-Type': 'text/html' }).end(fault.body)
  else if (fault.kind === 'exception') fail(response, new Error(`Code: ${fault.code}. DB::Exception: made by the test. (${fault.name})`))
}

/** The statement with every deduplication of its settings turned off. */
function forgetful(text: string): string {
  return text
    .replace(/\binsert_deduplicate = 1/, 'insert_deduplicate = 0')
    .replace(/deduplicate_insert = 'enable'/, "deduplicate_insert = 'disable'")
    .replace(/deduplicate_blocks_in_dependent_materialized_views = 1/, 'deduplicate_blocks_in_dependent_materialized_views = 0')
}

async function run(path: string, text: string, format: string, readOnly: boolean, parameters: URLSearchParams) {
  const session = new Session(path)
  try {
    const database = parameters.get('database')
    if (database) await session.queryAsync(`USE \`${database.replace(/[\\`]/g, '\\$&')}\``)
    const settings = [...parameters].filter(([name]) => !ownParameters.has(name))
    for (const [name, value] of settings) {
      if (!/^\w+$/.test(name)) throw new Error(`Code: 115. DB::Exception: Unknown setting '${name}'. (UNKNOWN_SETTING)`)
      await session.queryAsync(`SET ${name} = '${value.replace(/[\\']/g, '\\$&')}'`)
    }
    if (readOnly) await session.queryAsync('SET readonly = 2')
    return await session.queryAsync(text, { format })
  } finally {
    session.close()
  }
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const bytes = Buffer.concat(chunks)
  return (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString('utf8')
}

function send(request: IncomingMessage, response: ServerResponse, parameters: URLSearchParams, bytes: Buffer): void {
  const gzip = parameters.get('enable_http_compression') === '1' && /\bgzip\b/.test(String(request.headers['accept-encoding']))
  if (gzip) response.setHeader('Content-Encoding', 'gzip')
  response.end(gzip ? gzipSync(bytes) : bytes)
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) return void response.destroy()
  const message = error instanceof Error ? error.message : String(error)
  const code = Number(/Code: (\d+)/.exec(message)?.[1] ?? 1002)
  response.writeHead(statusOf(code), { 'X-ClickHouse-Exception-Code': String(code), 'Content-Type': 'text/plain; charset=UTF-8' })
  response.end(
    `${message.includes('DB::Exception') ? message : `Code: 1002. DB::Exception: ${message} (UNKNOWN_EXCEPTION)`} (version chdb)\n`,
  )
}

function summary(rows: number, bytes: number, insert: boolean): Record<string, string> {
  const [read, written] = insert ? [0, rows] : [rows, 0]
  return {
    read_rows: String(read),
    read_bytes: String(insert ? 0 : bytes),
    written_rows: String(written),
    written_bytes: String(insert ? bytes : 0),
    total_rows_to_read: '0',
    result_rows: String(rows),
    result_bytes: String(bytes),
    elapsed_ns: '0',
  }
}
