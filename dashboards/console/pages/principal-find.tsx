import { useState } from 'preact/hooks'
import { ApiError, postJson } from '../api.ts'
import { go, to } from '../router.ts'

/** From a name in the clear to the page of what is stored instead of it. */
export function FindByName() {
  const [said, setSaid] = useState('')
  return (
    <details class="find">
      <summary>Look up a name in the clear</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          const id = new FormData(event.currentTarget).get('id') as string
          postJson<{ id: string }>('/api/v1/principals/find', { id }).then(
            (found) => go(to.principal(found.id)),
            (error: Error) =>
              setSaid(error instanceof ApiError && error.status === 401 ? 'This needs the token of an operator.' : error.message),
          )
        }}
      >
        <label class="choice grow">
          <span>As the service sends it; it is not stored</span>
          <input name="id" required maxLength={4096} autocomplete="off" placeholder="mallory@example.org" />
        </label>
        <button type="submit">Look up</button>
        <p class="said" role="status">
          {said}
        </p>
      </form>
    </details>
  )
}
