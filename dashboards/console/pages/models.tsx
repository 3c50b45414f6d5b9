import type { ModelRow } from '../../../src/server/read-models.ts'
import { withQuery } from '../api.ts'
import { useFetched } from '../fetched.ts'
import { formatNumber, formatShare } from '../format.ts'
import { Choice, Empty, Loaded, Table, Time } from '../parts/common.tsx'
import { goQuery, query } from '../router.ts'

const spans = [
  ['1', '1 day'],
  ['7', '7 days'],
  ['30', '30 days'],
] as const

export function ModelsPage() {
  const days = query.value.get('days') ?? '7'
  const fetched = useFetched<{ items: readonly ModelRow[] }>(withQuery('/api/v1/models', { days }), { keep: true })
  return (
    <>
      <div class="page-head">
        <h1>Models</h1>
        {fetched.data !== null && <p class="quiet">{formatNumber(fetched.data.items.length)} in use</p>}
      </div>
      <search class="filters" aria-label="Filters">
        <Choice name="days" label="Within" options={spans} value={days} onChange={(value) => goQuery({ days: value }, true)} />
      </search>
      <Loaded fetched={fetched}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No calls of a model yet">
              <p>
                Spans of the GenAI conventions, OpenInference, LiteLLM, vLLM and others count as calls. <a href="/pipeline">Pipeline</a>{' '}
                shows what was refused, and <code>tidewatch inspect FILE</code> what is understood of a file.
              </p>
            </Empty>
          ) : (
            <Table
              caption="Models by calls"
              rows={items}
              keyOf={({ name, environment, service }) => `${environment}/${service}/${name}`}
              columns={[
                { name: 'Model', cell: ({ name }) => name },
                {
                  name: 'Service',
                  wide: true,
                  cell: ({ service, environment }) => [environment, service].filter((text) => text !== '').join(' / '),
                },
                {
                  name: 'Open incidents',
                  number: true,
                  cell: ({ name, openIncidents }) =>
                    openIncidents === 0 ? '0' : <a href={withQuery('/incidents', { model: name })}>{formatNumber(openIncidents)}</a>,
                },
                { name: 'Traffic', cell: ({ steps }) => <Spark values={steps} /> },
                { name: 'Calls', number: true, cell: ({ calls }) => formatNumber(calls) },
                { name: 'Errors', number: true, wide: true, cell: ({ errors, calls }) => formatShare(errors / Math.max(1, calls)) },
                { name: 'Principals', number: true, cell: ({ principals }) => formatNumber(principals) },
                { name: 'Tokens out', number: true, wide: true, cell: ({ outputTokens }) => formatNumber(outputTokens) },
                { name: 'Mean ms', number: true, wide: true, cell: ({ meanMilliseconds }) => formatNumber(meanMilliseconds) },
                { name: 'Last', wide: true, cell: ({ last }) => <Time iso={last} /> },
              ]}
            />
          )
        }
      </Loaded>
    </>
  )
}

function Spark({ values }: { readonly values: readonly number[] }) {
  const most = Math.max(1, ...values)
  const points = values.map((value, at) => `${(at / Math.max(1, values.length - 1)) * 96 + 2},${22 - (value / most) * 20}`).join(' ')
  return (
    <svg
      class="spark"
      viewBox="0 0 100 24"
      role="img"
      aria-label={`at most ${formatNumber(most)} calls a step, now ${formatNumber(values.at(-1) ?? 0)}`}
    >
      <polyline points={points} />
    </svg>
  )
}
