/** Newer and older pages of a list that is read from the newest on. */
export function Pager({
  newer,
  older,
  onNewest,
  onOlder,
}: {
  readonly newer: boolean
  readonly older: boolean
  readonly onNewest: () => void
  readonly onOlder: () => void
}) {
  if (!newer && !older) return null
  return (
    <nav class="pager" aria-label="Pages of the list">
      <button type="button" disabled={!newer} onClick={onNewest}>
        Newest
      </button>
      <button type="button" disabled={!older} onClick={onOlder}>
        Older
      </button>
    </nav>
  )
}
