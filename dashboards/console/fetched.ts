import { useEffect, useState } from 'preact/hooks'
import { ApiError, getJson, session } from './api.ts'
import { stale } from './live.ts'

export interface Fetched<T> {
  readonly data: T | null
  readonly error: string | null
  /** 404: there is no such thing. */
  readonly missing: boolean
  reload(): void
}

/**
 * What a path answers; asked again after a break and a sign-in. A null path asks nothing. With `keep`, what another path answered before stays
 * until the new answer is there: for lists that are filtered and turned.
 */
export function useFetched<T>(path: string | null, { keep = false } = {}): Fetched<T> {
  const [answer, setAnswer] = useState<{ path: string; data: T } | null>(null)
  const [failure, setFailure] = useState<{ path: string; error: Error } | null>(null)
  const [turn, setTurn] = useState(0)
  const asked = `${session.value}/${stale.value}/${turn}`
  useEffect(() => {
    if (path === null) return
    const stop = new AbortController()
    getJson<T>(path, stop.signal).then(
      (data) => {
        setAnswer({ path, data })
        setFailure(null)
      },
      (error: Error) => {
        if (!stop.signal.aborted) setFailure({ path, error })
      },
    )
    return () => stop.abort()
  }, [path, asked])
  const failed = failure?.path === path ? failure.error : null
  return {
    data: answer !== null && (keep || answer.path === path) ? answer.data : null,
    error: failed === null ? null : failed.message,
    missing: failed instanceof ApiError && failed.status === 404,
    reload: () => setTurn((before) => before + 1),
  }
}
