import { useState } from 'preact/hooks'
import { ApiError, postJson } from '../api.ts'

/** Does something by POST and tells how it went. */
export function useDeed(): {
  readonly said: string
  readonly busy: boolean
  run(path: string, body: object, done: string, after?: () => void): void
} {
  const [said, setSaid] = useState('')
  const [busy, setBusy] = useState(false)
  return {
    said,
    busy,
    run(path, body, done, after) {
      setBusy(true)
      postJson(path, body)
        .then(() => {
          setSaid(done)
          after?.()
        })
        .catch((error: Error) =>
          setSaid(
            error instanceof ApiError && error.status === 401 ? 'This needs the token of an operator.' : `Not done: ${error.message}`,
          ),
        )
        .finally(() => setBusy(false))
    },
  }
}
