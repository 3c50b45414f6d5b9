import { existsSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import { defaultConfigPath, loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { type ErrorCode, errorTable, TidewatchError } from '../errors.ts'
import { dataHolder } from '../store/data-lock.ts'
import { version } from './version.ts'

/** Where the running instance is, as every command that asks it takes it. */
export interface ApiOptions {
  readonly api?: string
  readonly data?: string
  readonly config?: string
}

export function withApiOptions(command: Command): Command {
  return command
    .option('--api <url>', 'address of the instance (default: that of the one that uses the data folder); its token is in TIDEWATCH_TOKEN')
    .option('--data <directory>', 'data folder of the instance')
    .option('--config <file>', 'configuration that names the data folder and the tokens (default: ./tidewatch.yaml where it exists)')
}

/** What a running instance is asked. */
export interface ApiClient {
  /** False where nobody runs: what is written into the log is taken up by the next instance. */
  readonly live: boolean
  /** It was named by its address: its paths may be those of another machine. */
  readonly remote: boolean
  get<T>(path: string, query?: Readonly<Record<string, string | undefined>>): Promise<T>
  /** @param patience milliseconds until an answer begins. @default 60000 */
  post<T>(path: string, body: object, patience?: number): Promise<T>
}

/**
 * The instance that `--api` names, else the one that holds the data folder; where none does, the folder's own store, opened for each question. Throws
 * TW_INSTANCE_UNREACHABLE where there is neither. The token is
 * that of TIDEWATCH_TOKEN, else one of the configuration's, an operator's first; the configuration's goes to no other address than that of the data folder.
 */
export async function connect({ api, data, config: path }: ApiOptions): Promise<ApiClient> {
  const named = process.env.TIDEWATCH_TOKEN
  if (api !== undefined) return { ...clientOf(api, named), remote: true }
  const config = loadConfig({ path: path ?? defaultConfigPath(), env: process.env })
  const directory = data ?? config.data.directory
  const holder = await dataHolder(directory)
  if (holder === null) {
    // Nothing is made where nothing is.
    const kept = config.store.url !== undefined || existsSync(join(directory, 'store'))
    if (!existsSync(directory) || !kept) throw new TidewatchError('TW_INSTANCE_UNREACHABLE', `none uses ${directory}`)
    return restingClient({ ...config, data: { ...config.data, directory } })
  }
  if (holder.api === null) throw new TidewatchError('TW_INSTANCE_UNREACHABLE', `process ${holder.pid} is still starting`)
  const { tokens } = config.server
  return clientOf(holder.api, named ?? (tokens.find(({ role }) => role === 'operator') ?? tokens[0])?.token)
}

/** Asks a data folder that nobody runs on. */
function restingClient(config: Config): ApiClient {
  const ask = async <T>(method: 'GET' | 'POST', url: string, body?: object): Promise<T> => {
    // Loaded here: the engine takes a second that a question over HTTP need not wait for.
    const { askResting } = await import('../stages/resting.ts')
    return askResting(config, version, async (app) => {
      const { statusCode, payload } = await app.inject({ method, url, ...(body !== undefined && { payload: body }) })
      const parsed = parseJson(payload)
      if (statusCode >= 200 && statusCode < 300 && parsed !== null) return parsed as T
      throw refusal(statusCode, parsed, config.data.directory)
    })
  }
  return asking(false, ask)
}

function clientOf(api: string, token: string | undefined): ApiClient {
  if (!URL.canParse(api) || !/^https?:$/.test(new URL(api).protocol)) throw new TidewatchError('TW_USAGE', `--api ${api} is no http(s) URL`)
  const ask = async <T>(method: 'GET' | 'POST', path: string, body?: object, patience = PATIENCE): Promise<T> => {
    const url = new URL(path, local(api))
    const { status, body: answer } = await send(url, method, token, body, patience).catch((cause: Error & { code?: string }) => {
      throw new TidewatchError('TW_INSTANCE_UNREACHABLE', `${url.origin}: ${cause.code ?? cause.message}`, { cause })
    })
    const parsed = parseJson(answer)
    if (status >= 200 && status < 300 && parsed !== null) return parsed as T
    throw refusal(status, parsed, url.origin)
  }
  return asking(true, ask)
}

type Ask = <T>(method: 'GET' | 'POST', path: string, body?: object, patience?: number) => Promise<T>

function asking(live: boolean, ask: Ask): ApiClient {
  return {
    live,
    remote: false,
    get(path, query = {}) {
      const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined)
      return ask('GET', given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`)
    },
    post: (path, body, patience) => ask('POST', path, body, patience),
  }
}

/** An instance that listens on all addresses is asked on this machine's own. */
function local(api: string): URL {
  const url = new URL(api)
  if (url.hostname === '0.0.0.0') url.hostname = '127.0.0.1'
  if (url.hostname === '[::]') url.hostname = '[::1]'
  return url
}

/** Milliseconds. */
const PATIENCE = 60_000

function send(
  url: URL,
  method: string,
  token: string | undefined,
  body: object | undefined,
  patience: number,
): Promise<{ status: number; body: string }> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      timeout: patience,
    })
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${patience / 1000} s`)))
    sent.on('error', reject)
    sent.on('response', (response) => text(response).then((answer) => resolve({ status: response.statusCode!, body: answer }), reject))
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

function parseJson(answer: string): unknown {
  try {
    return JSON.parse(answer)
  } catch {
    return null
  }
}

/** The instance's own error where it told one. */
function refusal(status: number, answer: unknown, where: string): TidewatchError {
  const { code, message } = (answer as { error?: { code?: string; message?: string } } | null)?.error ?? {}
  if (code === undefined || !(code in errorTable)) {
    return new TidewatchError('TW_INSTANCE_UNREACHABLE', `${where} answered ${status} and is no Tidewatch`)
  }
  const known = code as ErrorCode
  const { title } = errorTable[known]
  return new TidewatchError(known, message?.startsWith(`${title}: `) ? message.slice(title.length + 2) : (message ?? ''))
}
