import type { ShownReference } from '../../../src/server/routes/calibration.ts'
import { useFetched } from '../fetched.ts'
import { formatNumber, formatShare } from '../format.ts'
import { status } from '../live.ts'
import { Chip, Empty, Facts, Loaded, Section, Table, Time } from '../parts/common.tsx'
import { Plot } from '../parts/plot.tsx'
import { type DetectorRow, State } from './detectors.tsx'

interface Calibration {
  readonly subjectDays: number
  readonly levels: readonly { readonly level: number; readonly found: number; readonly share: number }[]
  readonly hours: readonly { readonly time: string; readonly looks: number; readonly subjects: number }[]
}

const most = 100

export function DetectorPage({ id }: { readonly id: string }) {
  const detectors = useFetched<{ items: readonly DetectorRow[] }>('/api/v1/detectors')
  const calibration = useFetched<Calibration>(`/api/v1/detectors/${encodeURIComponent(id)}/calibration`)
  const references = useFetched<{ items: readonly ShownReference[] }>('/api/v1/references')
  const ready = status.value?.readiness.detectors.find(({ name }) => name === id)
  const row = detectors.data?.items.find(({ name }) => name === id)
  if (calibration.missing) {
    return (
      <Empty title="There is no such detector">
        <p>
          <a href="/detectors">All detectors</a>
        </p>
      </Empty>
    )
  }
  const own = references.data?.items.filter(({ detector }) => detector === id) ?? []
  return (
    <article>
      <header class="case-head">
        <p class="crumbs">
          <a href="/detectors">Detectors</a>
        </p>
        <h1>{id}</h1>
        {row !== undefined && <p class="summary">{row.title.replace('{subject}: ', '').replace('{subject}', '…')}</p>}
      </header>
      {row !== undefined && (
        <Facts
          entries={[
            ['State', <State key="s" enabled={row.enabled} ready={ready} />],
            ['Category', row.category],
            ['Hears', row.consumes.join(', ')],
            ['Version', String(row.version)],
            ['Judges', ready === undefined ? null : `${formatNumber(ready.armed)} of ${formatNumber(ready.populations)} populations`],
          ]}
        />
      )}
      {ready !== undefined && ready.waiting.length > 0 && (
        <Section title="What it lacks">
          <ul class="plain">
            {ready.waiting.map(({ population, lacks }) => (
              <li key={population}>
                <code>{population}</code> {lacks}
              </li>
            ))}
          </ul>
        </Section>
      )}
      <Section title="Calibration">
        <Loaded fetched={calibration}>{(data) => <Calibrated data={data} />}</Loaded>
      </Section>
      {own.length > 0 && (
        <Section title="What it compares with">
          <Table
            caption="References"
            rows={own.slice(0, most)}
            keyOf={({ population }) => population}
            columns={[
              { name: 'Population', cell: ({ population }) => <code>{population}</code> },
              { name: 'Subjects', number: true, cell: ({ subjects }) => formatNumber(subjects) },
              { name: 'Learns since', wide: true, cell: ({ since }) => <Time iso={since} /> },
              {
                name: 'State',
                cell: ({ lacks, frozen }) =>
                  frozen ? <Chip kind="warn">frozen by {frozen.by}</Chip> : lacks === null ? <Chip kind="good">armed</Chip> : lacks,
              },
            ]}
          />
        </Section>
      )}
    </article>
  )
}

function Calibrated({ data: { subjectDays, levels, hours } }: { readonly data: Calibration }) {
  if (subjectDays === 0) {
    return <p class="quiet">It has given no p-values yet: it speaks at growing counts, and needs a population to rank in.</p>
  }
  // Shares of nothing found cannot stand on a logarithmic axis.
  const found = levels.filter((level) => level.found > 0).toReversed()
  const at = levels.find(({ level }) => level === 0.01)
  return (
    <>
      <Plot
        title="p-values"
        text={`Of ${formatNumber(subjectDays)} subjects and days, ${formatNumber(at?.found ?? 0)} (${formatShare(at?.share ?? 0)}) had a p-value of at most 1 %; honest p-values stay at or below the dashed line, attacks rise above it on the left.`}
        unit="share of subjects and days"
        x="number"
        xUnit="p-value of at most"
        log="both"
        lines={[
          { name: 'found', points: found.map(({ level, share }) => [level, share] as const), dots: true },
          { name: 'by chance', level: true, points: found.map(({ level }) => [level, level] as const) },
        ]}
      />
      {hours.length > 1 && (
        <Plot
          title="How often it speaks"
          text={`${formatNumber(hours.reduce((sum, { looks }) => sum + looks, 0))} looks in ${formatNumber(hours.length)} hours.`}
          unit="looks an hour"
          stepWidth={3_600}
          lines={[{ name: 'looks', points: hours.map(({ time, looks }) => [Date.parse(time) / 1000, looks] as const) }]}
        />
      )}
    </>
  )
}
