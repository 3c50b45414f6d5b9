import type { RankedPrincipal } from '../../../src/server/read-principals.ts'
import { withQuery } from '../api.ts'
import { useFetched } from '../fetched.ts'
import { formatNumber } from '../format.ts'
import { Choice, Empty, Loaded, Mark, Table, Time } from '../parts/common.tsx'
import { goQuery, query, to } from '../router.ts'
import { FindByName } from './principal-find.tsx'

const perPage = 50
const spans = [
  ['1', '1 day'],
  ['7', '7 days'],
  ['30', '30 days'],
  ['90', '90 days'],
] as const

export function PrincipalsPage() {
  const q = query.value.get('q') ?? ''
  const days = query.value.get('days') ?? '7'
  const offset = Number(query.value.get('offset') ?? 0) || 0
  const fetched = useFetched<{ total: number; items: readonly RankedPrincipal[] }>(
    withQuery('/api/v1/principals', { q, days, limit: perPage, offset }),
    { keep: true },
  )
  return (
    <>
      <div class="page-head">
        <h1>Principals</h1>
        {fetched.data !== null && <p class="quiet">{formatNumber(fetched.data.total)} seen, the riskiest first</p>}
      </div>
      <search class="filters" aria-label="Filters">
        <label class="choice grow">
          <span>Search</span>
          <input
            type="search"
            placeholder="part of the stored id"
            value={q}
            maxLength={200}
            onInput={(event) => goQuery({ q: event.currentTarget.value, offset: '' }, true)}
          />
        </label>
        <Choice
          name="days"
          label="Active within"
          options={spans}
          value={days}
          onChange={(value) => goQuery({ days: value, offset: '' }, true)}
        />
      </search>
      <FindByName />
      <Loaded fetched={fetched}>
        {({ total, items }) =>
          items.length === 0 ? (
            <Empty title={q === '' ? 'No principals yet' : 'No principal is called like that'}>
              <p>
                {q === ''
                  ? 'Send model calls with a user on them: user.id, enduser.id or tidewatch.principal.id. Calls without one are counted, but nobody can be told apart.'
                  : 'Ids are stored as keyed hashes unless identity.hash is off; look a name up in the clear above.'}
              </p>
            </Empty>
          ) : (
            <>
              <Table
                caption="Principals by risk"
                rows={items}
                keyOf={({ id }) => id}
                columns={[
                  { name: 'Risk', cell: ({ risk }) => <Mark severity={risk} /> },
                  { name: 'Principal', cell: ({ id }) => <a href={to.principal(id)}>{id}</a> },
                  { name: 'Open', number: true, cell: ({ openIncidents }) => formatNumber(openIncidents) },
                  { name: 'Least p', number: true, cell: ({ leastPValue }) => (leastPValue === null ? '–' : formatNumber(leastPValue)) },
                  { name: 'By', wide: true, cell: ({ detector }) => detector ?? '–' },
                  { name: 'Calls', number: true, cell: ({ calls }) => formatNumber(calls) },
                  { name: 'Tokens out', number: true, wide: true, cell: ({ outputTokens }) => formatNumber(outputTokens) },
                  { name: 'Models', wide: true, cell: ({ models }) => models.join(', ') },
                  { name: 'Last', wide: true, cell: ({ last }) => <Time iso={last} /> },
                ]}
              />
              <nav class="pager" aria-label="Pages of the list">
                <button
                  type="button"
                  disabled={offset === 0}
                  onClick={() => goQuery({ offset: offset > perPage ? String(offset - perPage) : '' })}
                >
                  Riskier
                </button>
                <button
                  type="button"
                  disabled={offset + items.length >= total}
                  onClick={() => goQuery({ offset: String(offset + perPage) })}
                >
                  Less risky
                </button>
                <span class="quiet">
                  {formatNumber(offset + 1)} to {formatNumber(offset + items.length)} of {formatNumber(total)}
                </span>
              </nav>
              <p class="quiet small">
                Risk is the severity of the worst open incident. The least p-value is the smallest of many looks, and no verdict by itself.
              </p>
            </>
          )
        }
      </Loaded>
    </>
  )
}
