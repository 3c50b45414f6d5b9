import { useFetched } from '../fetched.ts'
import { formatNumber, formatShare } from '../format.ts'
import { status } from '../live.ts'
import { Chip, Loaded, Section, Table } from '../parts/common.tsx'
import { to } from '../router.ts'
import type { Readiness, Status } from '../shapes.ts'

export interface DetectorRow {
  readonly name: string
  readonly category: string
  readonly version: number
  readonly title: string
  readonly consumes: readonly string[]
  readonly enabled: boolean
}

export function DetectorsPage() {
  const fetched = useFetched<{ items: readonly DetectorRow[] }>('/api/v1/detectors')
  const readiness = status.value?.readiness ?? null
  const readyOf = (name: string) => readiness?.detectors.find((one) => one.name === name)
  return (
    <>
      <div class="page-head">
        <h1>Detectors</h1>
      </div>
      {readiness !== null && <Budget budget={readiness.budget} />}
      <Loaded fetched={fetched}>
        {({ items }) => (
          <Table
            caption="Detectors"
            rows={items}
            keyOf={({ name }) => name}
            columns={[
              { name: 'Detector', cell: ({ name }) => <a href={to.detector(name)}>{name}</a> },
              { name: 'Category', cell: ({ category }) => category },
              { name: 'State', cell: (row) => <State enabled={row.enabled} ready={readyOf(row.name)} /> },
              { name: 'Finds', wide: true, cell: ({ title }) => title.replace('{subject}: ', '').replace('{subject}', '…') },
              { name: 'Hears', wide: true, cell: ({ consumes }) => consumes.join(', ') },
            ]}
          />
        )}
      </Loaded>
    </>
  )
}

export function State({ enabled, ready }: { readonly enabled: boolean; readonly ready: Readiness | undefined }) {
  if (!enabled) return <Chip>off</Chip>
  if (ready === undefined) return <Chip>unknown</Chip>
  if (ready.populations === 0) return <Chip>nothing to look at yet</Chip>
  if (ready.armed === 0) return <Chip kind="warn">warming up</Chip>
  if (ready.armed === ready.populations) return <Chip kind="good">armed</Chip>
  return (
    <Chip kind="good">
      armed for {formatNumber(ready.armed)} of {formatNumber(ready.populations)}
    </Chip>
  )
}

function Budget({ budget }: { readonly budget: Status['readiness']['budget'] }) {
  const spent = Object.entries(budget.spent)
  const all = spent.reduce((sum, [, share]) => sum + share, 0)
  return (
    <Section title="Budget of false incidents">
      <p>
        {formatNumber(budget.perDay)} a day {budget.perDay === 1 ? 'is' : 'are'} accepted.{' '}
        {budget.day === null
          ? 'No day has begun yet.'
          : `On ${budget.day} the tests so far may open ${formatNumber(Number(all.toPrecision(2)))} of it:`}
      </p>
      <ul class="meters">
        {spent.map(([category, share]) => (
          <li key={category}>
            <label>
              <span>{category}</span>
              <meter min={0} max={budget.perDay || 1} value={share} />
              <span class="quiet">{formatShare(Number((share / (budget.perDay || 1)).toFixed(3)))}</span>
            </label>
          </li>
        ))}
      </ul>
    </Section>
  )
}
