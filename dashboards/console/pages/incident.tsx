import { useEffect } from 'preact/hooks'
import { othersIn } from '../../../src/decisions/others.ts'
import { useFetched } from '../fetched.ts'
import { formatNumber, formatPValue, formatSpan, oddsOf } from '../format.ts'
import { onAlert } from '../live.ts'
import { Chip, Empty, Facts, Loaded, Mark, Section, Subject, Time } from '../parts/common.tsx'
import { to } from '../router.ts'
import type { Alert, Case, WholeIncident } from '../shapes.ts'
import { Deeds } from './incident-deeds.tsx'
import { EvidenceSections } from './incident-evidence.tsx'
import { Calls, Deliveries, History } from './incident-lists.tsx'

/** Members that are named; the API has them all. */
const mostNamed = 40

export function IncidentPage({ id }: { readonly id: string }) {
  const fetched = useFetched<WholeIncident>(`/api/v1/incidents/${encodeURIComponent(id)}`)
  const { reload } = fetched
  useEffect(() => onAlert((alert) => alert.incident === id && reload()), [id])
  if (fetched.missing) {
    return (
      <Empty title="There is no such incident">
        <p>
          It may be older than <code>store.retention.alerts</code> keeps. <a href="/incidents?open=all">All incidents</a>
        </p>
      </Empty>
    )
  }
  return (
    <Loaded fetched={fetched}>
      {({ incident, related, alerts, actions }) => (
        <article class="case" data-severity={incident.severity}>
          <Head alert={incident} />
          <div class="columns">
            <aside>
              <Deeds alert={incident} />
              <Who alert={incident} />
              <Related incidents={related} />
              <Sure alert={incident} />
              <Tags alert={incident} />
              <History alerts={alerts} actions={actions} />
            </aside>
            <div>
              <EvidenceSections alert={incident} />
              <Calls incident={id} />
              <Deliveries incident={id} newest={incident.id} />
            </div>
          </div>
        </article>
      )}
    </Loaded>
  )
}

function Head({ alert }: { readonly alert: Alert }) {
  const open = alert.status !== 'resolved'
  useEffect(() => {
    document.title = `${alert.title} · Tidewatch`
  }, [alert.title])
  return (
    <header class="case-head">
      <p class="crumbs">
        <a href="/incidents">Incidents</a> <span aria-hidden="true">/</span> <code>{alert.incident}</code>
      </p>
      <h1>{alert.title}</h1>
      <p class="line">
        <Mark severity={alert.severity} />
        <Chip kind={open ? 'warn' : 'good'}>{open ? 'open' : 'resolved'}</Chip>
        <span>{alert.category}</span>
        <span>
          opened <Time iso={alert.opened} />
        </span>
        <span>
          changed <Time iso={alert.time} />
        </span>
      </p>
      {typeof alert.evidence.summary === 'string' && <p class="summary">{alert.evidence.summary}</p>}
    </header>
  )
}

function Who({ alert }: { readonly alert: Alert }) {
  const { named, count } = othersIn(alert)
  const shown = named.slice(0, mostNamed)
  return (
    <Section title="Who">
      <Facts
        entries={[
          ['Subject', <Subject key="s" {...alert.subject} />],
          [
            'Model',
            alert.model === null ? null : <a href={`/incidents?open=all&model=${encodeURIComponent(alert.model)}`}>{alert.model}</a>,
          ],
          ['Service', alert.service],
          ['Environment', alert.environment],
          ['Training run', alert.run === null ? null : <a href={`/runs/${encodeURIComponent(alert.run)}`}>{alert.run}</a>],
          ['From', <Time key="f" iso={alert.window.start} />],
          ['To', <Time key="t" iso={alert.window.end} />],
          ['Lasted', formatSpan(Date.parse(alert.window.end) - Date.parse(alert.window.start))],
          ['Events', formatNumber(alert.window.events)],
        ]}
      />
      {count > 0 && (
        <>
          <h3>Together with</h3>
          <ul class="members">
            {shown.map(({ kind, id }) => (
              <li key={`${kind}/${id}`}>
                <Subject kind={kind} id={id} />
              </li>
            ))}
            {count > shown.length && <li class="quiet">and {formatNumber(count - shown.length)} more</li>}
          </ul>
        </>
      )}
    </Section>
  )
}

function Related({ incidents }: { readonly incidents: WholeIncident['related'] }) {
  if (incidents.length === 0) return null
  return (
    <Section title="See also">
      <ul class="related">
        {incidents.map(({ incident, severity, status, title }) => (
          <li key={incident}>
            <Mark severity={severity} /> <a href={to.incident(incident)}>{title}</a>{' '}
            {status === 'resolved' && <span class="quiet">resolved</span>}
          </li>
        ))}
      </ul>
    </Section>
  )
}

function Sure({ alert }: { readonly alert: Alert }) {
  const { pValue, evidence } = alert
  const test = evidence.test as { level?: number; falseIncidentsPerDay?: number } | undefined
  const odds = pValue === null || pValue <= 0 ? null : oddsOf(pValue)
  const cases = Array.isArray(evidence.detectors) ? (evidence.detectors as Case[]) : []
  const compared = cases.map(({ reference }) => reference?.subjects ?? 0).reduce((most, count) => Math.max(most, count), 0)
  return (
    <Section title="How sure">
      <p>
        {odds === null
          ? `${formatPValue(pValue)}.`
          : `If nothing were wrong, ${odds.replace('1 in', 'one in')} such tests would look like this.`}
        {compared > 0 && ` Compared with ${formatNumber(compared)} others.`}
        {typeof evidence.sampling === 'string' && ` ${evidence.sampling}`}
      </p>
      <Facts
        entries={[
          ['p-value', pValue === null ? 'not calibrated yet' : formatNumber(pValue)],
          ['Alert below', typeof test?.level === 'number' ? formatNumber(test.level) : null],
          [
            'Budget',
            typeof test?.falseIncidentsPerDay === 'number' ? `${formatNumber(test.falseIncidentsPerDay)} false incidents a day` : null,
          ],
          ['Score', `${formatNumber(alert.score)}${alert.threshold === null ? '' : `, alert from ${formatNumber(alert.threshold)}`}`],
          ['Configuration', typeof evidence.configuration === 'string' ? <code key="c">{evidence.configuration.slice(0, 12)}</code> : null],
          ['Traced share', typeof evidence.samplingRatio === 'number' ? formatNumber(evidence.samplingRatio) : null],
          [
            'Found by',
            <span key="d" class="chips">
              {alert.detectors.map((name) => (
                <a key={name} href={`/detectors/${encodeURIComponent(name)}`}>
                  {name}
                </a>
              ))}
            </span>,
          ],
        ]}
      />
    </Section>
  )
}

function Tags({ alert }: { readonly alert: Alert }) {
  const { atlas, owasp } = alert.tags
  if (atlas.length + owasp.length === 0) return null
  return (
    <Section title="What it is called elsewhere">
      <ul class="tags">
        {atlas.map((tag) => (
          <li key={tag}>
            <a href={`https://atlas.mitre.org/techniques/${encodeURIComponent(tag)}`} rel="noreferrer" target="_blank">
              MITRE ATLAS {tag}
            </a>
          </li>
        ))}
        {owasp.map((tag) => (
          <li key={tag}>
            <a href="https://genai.owasp.org/llm-top-10/" rel="noreferrer" target="_blank">
              OWASP {tag}
            </a>
          </li>
        ))}
      </ul>
    </Section>
  )
}
