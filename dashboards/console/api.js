/** The API as the console needs it: JSON with a bearer token, and the event stream (EventSource can send no token). */

const KEY = 'tidewatch-token'
let token = sessionStorage.getItem(KEY) ?? ''

/** @param {string} text */
export function setToken(text) {
  token = text
  sessionStorage.setItem(KEY, text)
}

const headers = () => (token === '' ? {} : { authorization: `Bearer ${token}` })

export class SignInNeeded extends Error {}

/** @param {Response} response */
function check(response) {
  if (response.status === 401) throw new SignInNeeded('a token is needed')
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`)
  return response
}

/** @param {string} path */
export async function getJson(path) {
  return check(await fetch(path, { headers: headers() })).json()
}

/** @param {string} path @param {object} body */
export async function postJson(path, body) {
  const options = { method: 'POST', headers: { ...headers(), 'content-type': 'application/json' }, body: JSON.stringify(body) }
  return check(await fetch(path, options)).json()
}

/**
 * Reads the event stream until it ends. `last` is the id of the last alert seen.
 * @param {string | null} last
 * @param {() => void} onOpen
 * @param {(event: string, data: any, id: string | null) => void} onEvent
 */
export async function readEvents(last, onOpen, onEvent) {
  const response = check(
    await fetch('/api/v1/events', { headers: { ...headers(), ...(last === null ? {} : { 'last-event-id': last }) }, cache: 'no-store' }),
  )
  onOpen()
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
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
      if (fields.event) onEvent(fields.event, JSON.parse(fields.data), fields.id ?? null)
    }
  }
}
