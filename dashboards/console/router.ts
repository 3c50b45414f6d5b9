import { computed, signal } from '@preact/signals'

/** The address is the state: whatever a page shows can be handed on by its address. */

const href = signal(location.href)

export const path = computed(() => new URL(href.value).pathname)
export const query = computed(() => new URL(href.value).searchParams)

/** `replace` leaves no step to go back to: for typing into a filter. */
export function go(to: string, replace = false): void {
  if (replace) history.replaceState(null, '', to)
  else history.pushState(null, '', to)
  href.value = location.href
  if (!replace) window.scrollTo(0, 0)
}

/** Changes parameters of the address and keeps the others; an empty value takes one out. */
export function goQuery(changes: Readonly<Record<string, string>>, replace = false): void {
  const url = new URL(location.href)
  for (const [name, value] of Object.entries(changes)) {
    if (value === '') url.searchParams.delete(name)
    else url.searchParams.set(name, value)
  }
  go(`${url.pathname}${url.search}`, replace)
}

/** Where a page is. Ids come from telemetry and may hold anything. */
export const to = {
  incident: (id: string) => `/incidents/${encodeURIComponent(id)}`,
  principal: (id: string) => `/principals/${encodeURIComponent(id)}`,
  run: (id: string) => `/runs/${encodeURIComponent(id)}`,
  detector: (name: string) => `/detectors/${encodeURIComponent(name)}`,
}

/** Links within the console change the address without loading the page anew. */
export function startRouter(): void {
  window.addEventListener('popstate', () => {
    href.value = location.href
  })
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = (event.target as Element | null)?.closest('a')
    if (!link || link.origin !== location.origin || link.target !== '' || link.pathname.startsWith('/api/')) return
    if (link.hash !== '' && link.pathname === location.pathname) return
    event.preventDefault()
    go(link.href)
  })
}
