import { signal } from '@preact/signals'

/** The API as the console needs it: JSON with a bearer token, and the event stream (EventSource can send no token). */

const KEY = 'tidewatch-token'
let token = sessionStorage.getItem(KEY) ?? ''

/** True while the server wants a token that it has not got. */
export const signedOut = signal(false)
/** Grows with every sign-in: what was asked before is asked again. */
export const session = signal(0)

export function signIn(text: string): void {
  token = text
  sessionStorage.setItem(KEY, text)
  signedOut.value = false
  session.value++
}

export class ApiError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

async function request(path: string, options: RequestInit = {}): Promise<Response> {
  const headers = new Headers(options.headers)
  if (token !== '') headers.set('authorization', `Bearer ${token}`)
  const response = await fetch(path, { cache: 'no-store', ...options, headers })
  if (response.ok) return response
  const told = await response.json().catch(() => null)
  throw new ApiError(response.status, told?.error?.message ?? `the server answered ${response.status}`)
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  try {
    return await (await request(path, signal ? { signal } : {})).json()
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) signedOut.value = true
    throw error
  }
}

/** A 401 here means a token that may only look. */
export async function postJson<T>(path: string, body: object): Promise<T> {
  const options = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  return (await request(path, options)).json()
}

/** Reads the event stream until it ends. `last` is the id of the last alert seen. */
export async function readEvents(
  last: string | null,
  onOpen: () => void,
  onEvent: (event: string, data: unknown, id: string | null) => void,
): Promise<void> {
  const response = await request('/api/v1/events', last === null ? {} : { headers: { 'last-event-id': last } })
  onOpen()
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let buffer = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    buffer += value
    const frames = buffer.split('\n\n')
    buffer = frames.pop() ?? ''
    for (const frame of frames) {
      const fields = Object.fromEntries(
        frame.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      )
      if (fields.event) onEvent(fields.event, JSON.parse(fields.data!), fields.id ?? null)
    }
  }
}

/** A path with its query; empty values are left out. */
export function withQuery(path: string, query: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
  return text === '' ? path : `${path}?${text}`
}
