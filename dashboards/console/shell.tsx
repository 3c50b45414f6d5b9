import type { ComponentType } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { session, signedOut, signIn } from './api.ts'
import { formatNumber } from './format.ts'
import { connection, progress, status } from './live.ts'
import { DetectorPage } from './pages/detector.tsx'
import { DetectorsPage } from './pages/detectors.tsx'
import { IncidentPage } from './pages/incident.tsx'
import { IncidentsPage } from './pages/incidents.tsx'
import { ModelsPage } from './pages/models.tsx'
import { PipelinePage } from './pages/pipeline.tsx'
import { PrincipalPage } from './pages/principal.tsx'
import { PrincipalsPage } from './pages/principals.tsx'
import { RunPage } from './pages/run.tsx'
import { RunsPage } from './pages/runs.tsx'
import { SettingsPage } from './pages/settings.tsx'
import { Empty } from './parts/common.tsx'
import { go, path, query } from './router.ts'

interface Place {
  readonly name: string
  readonly title: string
  readonly list: ComponentType
  readonly one?: ComponentType<{ readonly id: string }>
}

const places: readonly Place[] = [
  { name: 'incidents', title: 'Incidents', list: IncidentsPage, one: IncidentPage },
  { name: 'principals', title: 'Principals', list: PrincipalsPage, one: PrincipalPage },
  { name: 'models', title: 'Models', list: ModelsPage },
  { name: 'runs', title: 'Training', list: RunsPage, one: RunPage },
  { name: 'detectors', title: 'Detectors', list: DetectorsPage, one: DetectorPage },
  { name: 'pipeline', title: 'Pipeline', list: PipelinePage },
  { name: 'settings', title: 'Settings', list: SettingsPage },
]

export function Shell() {
  // Where an incident was to be found before it had a page of its own; links in Grafana and in old messages lead here.
  const named = path.value === '/' ? query.value.get('incident') : null
  useEffect(() => {
    if (named !== null) go(`/incidents/${encodeURIComponent(named)}`, true)
  }, [named])

  const [, name = '', rest] = /^\/([^/]*)(?:\/(.+))?$/.exec(path.value) ?? []
  const place = name === '' ? places[0]! : places.find((one) => one.name === name)
  const where = path.value
  const arrived = useRef(false)
  useEffect(() => {
    document.title = place === undefined ? 'Tidewatch' : `${place.title} · Tidewatch`
    // Another page is read from its content on.
    if (arrived.current) document.getElementById('main')?.focus({ preventScroll: true })
    arrived.current = true
  }, [where])

  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href="/">
          <img src="/icon.svg" alt="" width="22" height="22" /> Tidewatch
        </a>
        <nav aria-label="Pages">
          {places.map((one) => (
            <a key={one.name} href={`/${one.name}`} {...(one === place ? { 'aria-current': 'page' as const } : {})}>
              {one.title}
            </a>
          ))}
        </nav>
        <Connection />
      </header>
      <Problems />
      <main id="main" tabIndex={-1} key={session.value}>
        {signedOut.value ? <SignIn /> : <Content place={place} id={decoded(rest)} />}
      </main>
    </>
  )
}

function decoded(text: string | undefined): string | null {
  if (text === undefined) return null
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function Content({ place, id }: { readonly place: Place | undefined; readonly id: string | null }) {
  if (place !== undefined && id === null) return <place.list />
  if (place?.one !== undefined && id !== null) return <place.one key={id} id={id} />
  return (
    <Empty title="There is no such page">
      <p>
        The address may have been cut off. <a href="/incidents">Incidents</a> are a place to begin.
      </p>
    </Empty>
  )
}

function Connection() {
  const told = { connecting: 'connecting', live: 'live', lost: signedOut.value ? 'not signed in' : 'connection lost, trying again' }
  const now = progress.value
  const waiting = now?.lag.reduce((sum, { records }) => sum + records, 0) ?? 0
  return (
    <div class="pulse">
      {now !== null && (
        <span class="rates" title={`${formatNumber(now.events)} events since the start`}>
          {formatNumber(now.eventsPerSecond)} events/s{waiting > 0 ? `, ${formatNumber(waiting)} waiting` : ''}
        </span>
      )}
      <span class="connection" role="status" data-state={connection.value}>
        {told[connection.value]}
      </span>
    </div>
  )
}

function Problems() {
  const problems = status.value?.problems ?? []
  if (problems.length === 0) return null
  return (
    <ul class="problems" aria-label="Problems">
      {problems.map(({ component, reason, blocking }) => (
        <li key={component + reason} data-blocking={blocking}>
          <strong>{component}</strong> {reason}
        </li>
      ))}
    </ul>
  )
}

function SignIn() {
  return (
    <form
      class="empty"
      onSubmit={(event) => {
        event.preventDefault()
        signIn(new FormData(event.currentTarget).get('token') as string)
      }}
    >
      <h1>Sign in</h1>
      <label for="token">This Tidewatch asks for a token, one of server.tokens in its configuration</label>
      <div class="row">
        <input id="token" name="token" type="password" autocomplete="current-password" required minLength={16} />
        <button type="submit" class="main">
          Continue
        </button>
      </div>
    </form>
  )
}
