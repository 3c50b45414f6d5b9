import { useFetched } from '../fetched.ts'
import { formatNumber, formatShare, formatTime } from '../format.ts'
import { Empty, Facts, Loaded, Mark, Section, Table, Time } from '../parts/common.tsx'
import { Plot } from '../parts/plot.tsx'
import { to } from '../router.ts'
import type { Alert } from '../shapes.ts'

interface Story {
  readonly id: string
  readonly calls: number
  readonly first: string | null
  readonly last: string | null
  readonly incidents: readonly Alert[]
  readonly hours: readonly { readonly time: string; readonly calls: number; readonly errors: number }[]
  readonly use: readonly {
    readonly model: string
    readonly calls: number
    readonly inputTokens: number
    readonly outputTokens: number
    readonly inputs: number
    readonly logprobsCalls: number
  }[]
  readonly looks: readonly {
    readonly detector: string
    readonly looks: number
    readonly newest: string
    readonly value: number
    readonly quantity: string
    readonly pValue: number | null
    readonly least: number | null
  }[]
  readonly links: readonly { readonly kind: string; readonly value: string; readonly calls: number }[]
}

export function PrincipalPage({ id }: { readonly id: string }) {
  const fetched = useFetched<Story>(`/api/v1/principals/${encodeURIComponent(id)}`)
  return (
    <article>
      <header class="case-head">
        <p class="crumbs">
          <a href="/principals">Principals</a>
        </p>
        <h1>{id}</h1>
      </header>
      {fetched.missing ? (
        <Empty title="Nothing is known of it">
          <p>
            No call of the kept time came from it. Ids are stored as keyed hashes unless <code>identity.hash</code> is off;{' '}
            <a href="/principals">Principals</a> finds what is stored instead of a name.
          </p>
        </Empty>
      ) : (
        <Loaded fetched={fetched}>{(story) => <Told story={story} />}</Loaded>
      )}
    </article>
  )
}

function Told({ story }: { readonly story: Story }) {
  const { hours, use, looks, links, incidents } = story
  const errors = hours.reduce((sum, hour) => sum + hour.errors, 0)
  const busiest = hours.reduce<(typeof hours)[number] | null>(
    (most, hour) => (most === null || hour.calls > most.calls ? hour : most),
    null,
  )
  return (
    <>
      <Facts
        entries={[
          ['Calls', formatNumber(story.calls)],
          ['Errors', story.calls === 0 ? '–' : errors === 0 ? '0' : `${formatNumber(errors)}, ${formatShare(errors / story.calls)}`],
          ['First', story.first && <Time iso={story.first} />],
          ['Last', story.last && <Time iso={story.last} />],
          ['Open incidents', formatNumber(incidents.filter(({ status }) => status !== 'resolved').length)],
        ]}
      />
      <Section title="Incidents">
        {incidents.length === 0 ? (
          <p class="quiet">None, neither open nor resolved.</p>
        ) : (
          <ul class="plain">
            {incidents.map((alert) => (
              <li key={alert.incident}>
                <Mark severity={alert.severity} /> <a href={to.incident(alert.incident)}>{alert.title}</a>{' '}
                <span class="quiet">
                  {alert.status === 'resolved' ? 'resolved' : 'open'}, <Time iso={alert.time} />
                </span>
              </li>
            ))}
          </ul>
        )}
      </Section>
      {hours.length > 0 && (
        <Section title="Calls by the hour">
          <Plot
            title="Calls"
            text={`${formatNumber(hours.length)} hours with calls, ${busiest === null ? '' : `most in the hour from ${formatTime(busiest.time)}: ${formatNumber(busiest.calls)}`}.`}
            unit="calls an hour"
            stepWidth={3_600}
            lines={[
              { name: 'calls', points: filledHours(hours, ({ calls }) => calls) },
              ...(errors > 0 ? [{ name: 'errors', points: filledHours(hours, (hour) => hour.errors) }] : []),
            ]}
          />
        </Section>
      )}
      <Section title="What it uses">
        <Table
          caption="Models that it uses"
          rows={use}
          keyOf={({ model }) => model}
          columns={[
            { name: 'Model', cell: ({ model }) => model },
            { name: 'Calls', number: true, cell: ({ calls }) => formatNumber(calls) },
            { name: 'Different inputs', number: true, cell: ({ inputs }) => (inputs === 0 ? '–' : formatNumber(inputs)) },
            { name: 'Tokens in', number: true, wide: true, cell: ({ inputTokens }) => formatNumber(inputTokens) },
            { name: 'Tokens out', number: true, cell: ({ outputTokens }) => formatNumber(outputTokens) },
            { name: 'With logprobs', number: true, wide: true, cell: ({ logprobsCalls }) => formatNumber(logprobsCalls) },
          ]}
        />
      </Section>
      <Section title="What the detectors say">
        {looks.length === 0 ? (
          <p class="quiet">Nothing yet: they speak at growing counts of calls.</p>
        ) : (
          <Table
            caption="Detectors about this principal"
            rows={looks}
            keyOf={({ detector }) => detector}
            columns={[
              { name: 'Detector', cell: ({ detector }) => <a href={to.detector(detector)}>{detector}</a> },
              { name: 'Looks', number: true, cell: (row) => formatNumber(row.looks) },
              { name: 'Newest value', number: true, cell: ({ value }) => formatNumber(value) },
              { name: 'Of', wide: true, cell: ({ quantity }) => quantity },
              { name: 'Newest p', number: true, cell: ({ pValue }) => (pValue === null ? 'warming up' : formatNumber(pValue)) },
              { name: 'Least p', number: true, cell: ({ least }) => (least === null ? '–' : formatNumber(least)) },
              { name: 'At', wide: true, cell: ({ newest }) => <Time iso={newest} /> },
            ]}
          />
        )}
      </Section>
      <Section title="Links">
        {links.length === 0 ? (
          <p class="quiet">
            None. Accounts of one operator are told by what they share: <code>client.address</code>, <code>user_agent.original</code>,{' '}
            <code>tidewatch.link.*</code>.
          </p>
        ) : (
          <Table
            caption="Links of this principal"
            rows={links}
            keyOf={({ kind, value }) => `${kind}/${value}`}
            columns={[
              { name: 'Kind', cell: ({ kind }) => kind },
              { name: 'Value', cell: ({ value }) => value },
              { name: 'Calls', number: true, cell: ({ calls }) => formatNumber(calls) },
            ]}
          />
        )}
      </Section>
    </>
  )
}

function filledHours(hours: Story['hours'], countOf: (hour: Story['hours'][number]) => number): [number, number][] {
  const known = new Map(hours.map((hour) => [Date.parse(hour.time) / 1000, countOf(hour)]))
  const line: [number, number][] = []
  const last = Date.parse(hours.at(-1)!.time) / 1000
  // Of a long past the last month.
  for (let at = Math.max(Date.parse(hours[0]!.time) / 1000, last - 30 * 86_400); at <= last; at += 3_600)
    line.push([at, known.get(at) ?? 0])
  return line
}
