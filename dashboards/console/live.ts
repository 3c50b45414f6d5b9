import { signal } from '@preact/signals'
import type { Alert } from '../../src/decisions/alert.ts'
import { ApiError, getJson, readEvents, session, signedOut } from './api.ts'
import type { Progress, Status } from './shapes.ts'

export const connection = signal<'connecting' | 'live' | 'lost'>('connecting')
export const progress = signal<Progress | null>(null)
export const status = signal<Status | null>(null)
/** Grows when lists may have missed something: after a break. */
export const stale = signal(0)

const listeners = new Set<(alert: Alert) => void>()

/** Hears every alert from now on; the answer ends it. */
export function onAlert(listener: (alert: Alert) => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

const pause = 2_000
const statusEvery = 10_000

function readStatus(): void {
  getJson<Status>('/api/v1/status').then(
    (read) => {
      status.value = read
      progress.value = read
    },
    () => {},
  )
}

/** Follows the event stream for as long as the page is there. */
export async function follow(): Promise<void> {
  let last: string | null = null
  setInterval(() => {
    if (connection.value === 'live') readStatus()
  }, statusEvery)
  for (;;) {
    try {
      await readEvents(
        last,
        () => {
          connection.value = 'live'
          readStatus()
          // After the stream has begun, so that nothing falls between the two.
          stale.value++
        },
        (event, data, id) => {
          last = id ?? last
          if (event === 'progress') progress.value = data as Progress
          if (event === 'reset') stale.value++
          if (event === 'alert') for (const listener of listeners) listener(data as Alert)
        },
      )
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        signedOut.value = true
        connection.value = 'lost'
        await signedInAgain()
        continue
      }
    }
    connection.value = 'lost'
    await new Promise((resolve) => setTimeout(resolve, pause))
  }
}

function signedInAgain(): Promise<void> {
  const before = session.value
  return new Promise((resolve) => {
    const end = session.subscribe((now) => {
      if (now === before) return
      resolve()
      queueMicrotask(() => end())
    })
  })
}
