import { useEffect, useRef, useState } from 'preact/hooks'
import { othersIn } from '../../../src/decisions/others.ts'
import { withQuery } from '../api.ts'
import { useFetched } from '../fetched.ts'
import { formatNumber, oddsOf } from '../format.ts'
import { onAlert, progress, status } from '../live.ts'
import { Chip, Choice, Empty, Loaded, Mark, Time } from '../parts/common.tsx'
import { Pager } from '../parts/pager.tsx'
import { goQuery, query, to } from '../router.ts'
import type { Alert, Case, Counts, Page } from '../shapes.ts'

const perPage = 50
/** Milliseconds in which several alerts make one reading of the list. */
const gather = 250

const titled = (text: string) => text[0]!.toUpperCase() + text.slice(1)
const choices = (names: readonly string[]): readonly (readonly [string, string])[] => [
  ['', 'All'],
  ...names.map((name) => [name, titled(name)] as const),
]
const severities = choices(['critical', 'high', 'medium', 'low'])
const categories = choices(['extraction', 'poisoning', 'activation', 'signal', 'trust'])
const states = [
  ['true', 'Open'],
  ['false', 'Resolved'],
  ['all', 'All'],
] as const

/** Counts live changes and remembers which incidents changed, for as long as the page is there. */
function useChanges(): { readonly turn: number; readonly fresh: ReadonlySet<string>; readonly told: string } {
  const [turn, setTurn] = useState(0)
  const [told, setTold] = useState('')
  const fresh = useRef(new Set<string>())
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | null = null
    const end = onAlert((alert) => {
      fresh.current.add(alert.incident)
      setTold(`${alert.severity}: ${alert.title}, ${alert.status}`)
      timer ??= setTimeout(() => {
        timer = null
        setTurn((before) => before + 1)
      }, gather)
    })
    return () => {
      end()
      if (timer !== null) clearTimeout(timer)
    }
  }, [])
  return { turn, fresh: fresh.current, told }
}

export function IncidentsPage() {
  const now = query.value
  const value = (name: string) => now.get(name) ?? ''
  const open = value('open') === '' ? 'true' : value('open')
  const filter = {
    q: value('q'),
    severity: value('severity'),
    category: value('category'),
    model: value('model'),
    detector: value('detector'),
    subject: value('subject'),
  }
  const before = value('before')
  const list = useFetched<Page<Alert>>(
    withQuery('/api/v1/incidents', { ...filter, open: open === 'all' ? '' : open, before, limit: perPage }),
    { keep: true },
  )
  const counts = useFetched<Counts>(withQuery('/api/v1/incidents/counts', filter), { keep: true })
  const changes = useChanges()
  const search = useRef<HTMLInputElement>(null)
  // An older page stands still; the newest one follows.
  useEffect(() => {
    if (changes.turn === 0) return
    counts.reload()
    if (before === '') list.reload()
  }, [changes.turn])
  useEffect(() => {
    const begin = (event: KeyboardEvent) => {
      if (event.key !== '/' || event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return
      event.preventDefault()
      search.current?.focus()
    }
    document.addEventListener('keydown', begin)
    return () => document.removeEventListener('keydown', begin)
  }, [])
  const openCount = counts.data?.open ?? 0
  useEffect(() => {
    document.title = `${openCount > 0 ? `(${formatNumber(openCount)}) ` : ''}Incidents · Tidewatch`
  }, [openCount])
  const set = (name: string) => (text: string) => goQuery({ [name]: text, before: '' }, true)

  return (
    <>
      <div class="page-head">
        <h1>Incidents</h1>
        {counts.data !== null && (
          <p id="count" class="quiet">
            {formatNumber(counts.data.open)} open of {formatNumber(counts.data.total)}
          </p>
        )}
      </div>
      <search class="filters" aria-label="Filters">
        <label class="choice grow">
          <span>Search</span>
          <input
            ref={search}
            type="search"
            placeholder="title, account, incident id   ( / )"
            value={filter.q}
            maxLength={200}
            onInput={(event) => set('q')(event.currentTarget.value)}
          />
        </label>
        <Choice name="open" label="Status" options={states} value={open} onChange={(text) => set('open')(text === 'true' ? '' : text)} />
        <Choice name="severity" label="Severity" options={severities} value={filter.severity} onChange={set('severity')} />
        <Choice name="category" label="Category" options={categories} value={filter.category} onChange={set('category')} />
        {(['model', 'detector', 'subject'] as const)
          .filter((name) => filter[name] !== '')
          .map((name) => (
            <button key={name} type="button" class="taken" onClick={() => set(name)('')}>
              {name} {filter[name]} <span aria-hidden="true">×</span>
              <span class="visually-hidden">, take this filter away</span>
            </button>
          ))}
      </search>
      <p class="visually-hidden" aria-live="polite">
        {changes.told}
      </p>
      {before !== '' && changes.turn > 0 && (
        <p class="note">
          Something changed meanwhile. <a href="/incidents">Show the newest</a>
        </p>
      )}
      <Loaded fetched={list}>
        {({ items, next }) =>
          items.length === 0 ? (
            <Nothing filtered={Object.values(filter).some((text) => text !== '') || open !== 'true'} total={counts.data?.total ?? 0} />
          ) : (
            <>
              <ol class="incidents">
                {items.map((alert) => (
                  <Item key={alert.incident} alert={alert} fresh={changes.fresh.has(alert.incident)} />
                ))}
              </ol>
              <Pager
                newer={before !== ''}
                older={next !== null}
                onNewest={() => goQuery({ before: '' })}
                onOlder={() => goQuery({ before: next ?? '' })}
              />
            </>
          )
        }
      </Loaded>
    </>
  )
}

function Item({ alert, fresh }: { readonly alert: Alert; readonly fresh: boolean }) {
  const { handling, subject } = alert
  const { count } = othersIn(alert)
  return (
    <li class={`incident${fresh ? ' fresh' : ''}`} data-severity={alert.severity} data-status={alert.status}>
      <Mark severity={alert.severity} />
      <div class="what">
        <a class="title" href={to.incident(alert.incident)}>
          {alert.title}
        </a>
        <p class="line">
          <span>
            {subject.kind} {subject.id}
            {count > 0 && ` and ${formatNumber(count)} more`}
          </span>
          {alert.model !== null && <span>{alert.model}</span>}
          {alert.run !== null && <span>run {alert.run}</span>}
          <span>{inShort(alert)}</span>
        </p>
      </div>
      <p class="chips">
        {alert.status === 'resolved' && <Chip>resolved</Chip>}
        {handling?.silenced && <Chip kind="warn">silenced</Chip>}
        {handling?.acknowledged && <Chip kind="good">acknowledged</Chip>}
        {handling?.feedback && (
          <Chip>{handling.feedback.verdict === 'true' ? 'real' : handling.feedback.verdict === 'false' ? 'false alarm' : 'benign'}</Chip>
        )}
        {handling?.expected && <Chip>expected</Chip>}
      </p>
      <p class="when">
        <Time iso={alert.time} />
      </p>
    </li>
  )
}

/** The case in a few words: what was seen and what is usual, how rare that is. */
function inShort({ evidence, pValue }: Alert): string {
  const first = Array.isArray(evidence.detectors) ? (evidence.detectors[0] as Case | undefined) : undefined
  const { seen, expected } = first ?? {}
  const usual = expected?.median
  const said = typeof seen === 'number' && typeof usual === 'number' ? `${formatNumber(seen)} where ${formatNumber(usual)} is usual` : ''
  const odds = pValue === null || pValue <= 0 ? null : oddsOf(pValue)
  return [said, odds === null ? '' : `${odds} by chance`].filter((text) => text !== '').join(', ')
}

function Nothing({ filtered, total }: { readonly filtered: boolean; readonly total: number }) {
  const inputs = status.value?.inputs ?? []
  if (filtered || total > 0) {
    return (
      <Empty title={filtered ? 'No incident is like that' : 'No open incidents'}>
        <p>
          {filtered
            ? 'Take a filter away, or look at resolved ones as well.'
            : 'What was found before is resolved; choose the status “All” to see it.'}
        </p>
      </Empty>
    )
  }
  if ((progress.value?.events ?? 0) > 0) {
    return (
      <Empty title="No incidents">
        <p>
          Telemetry is being read. What stands out appears here by itself, once there are some thirty users to compare with and a day of
          their traffic. <a href="/detectors">Detectors</a> tells what each of them still lacks.
        </p>
      </Empty>
    )
  }
  const http = inputs.find((input) => input.startsWith('http')) ?? 'http://127.0.0.1:4318'
  return (
    <Empty title="Nothing has come in yet">
      <p>Point any OpenTelemetry SDK or Collector here:</p>
      <pre>
        <code>
          {[`OTEL_EXPORTER_OTLP_ENDPOINT=${http}`, ...inputs.filter((input) => input !== http).map((input) => `# or ${input}`)].join('\n')}
        </code>
      </pre>
      <p>
        Model calls need a GenAI span with a user on it, for instance <code>user.id</code>; with embeddings or fingerprints (
        <code>tidewatch.input.embedding</code>) no prompt text is needed.
      </p>
    </Empty>
  )
}
