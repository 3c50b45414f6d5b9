import { withQuery } from '../api.ts'
import { useFetched } from '../fetched.ts'
import { formatNumber, formatShare } from '../format.ts'
import { Empty, Loaded, Section, Table } from '../parts/common.tsx'
import { Confusion, type ConfusionCell } from '../parts/confusion.tsx'
import { Heat, type HeatCell } from '../parts/heat.tsx'
import { goQuery, query } from '../router.ts'

interface Run {
  readonly run: string
  readonly sources: readonly {
    readonly source: string
    readonly samples: number
    readonly shards: number
    readonly unlike: number
    readonly loss: number | null
  }[]
  readonly updates: readonly { readonly round: number; readonly client: string; readonly norm: number | null }[]
}

export function RunPage({ id }: { readonly id: string }) {
  const fetched = useFetched<Run>(`/api/v1/runs/${encodeURIComponent(id)}`)
  return (
    <article>
      <header class="case-head">
        <p class="crumbs">
          <a href="/runs">Training runs</a>
        </p>
        <h1>{id}</h1>
        <p>
          <a href={withQuery('/incidents', { q: id, open: 'all' })}>Incidents that name it</a>
        </p>
      </header>
      {fetched.missing ? (
        <Empty title="There is no such run">
          <p>
            It may be older than <code>store.retention.calls</code> keeps.
          </p>
        </Empty>
      ) : (
        <Loaded fetched={fetched}>
          {(run) => (
            <>
              {run.sources.length > 0 && <Sources run={run} />}
              {run.updates.length > 0 && (
                <Section title="Rounds and clients">
                  <Heat title="Norms of the updates" cells={heatOf(run.updates)} columns="round" rows="client" />
                </Section>
              )}
            </>
          )}
        </Loaded>
      )}
    </article>
  )
}

function Sources({ run: { run, sources } }: { readonly run: Run }) {
  const chosen = query.value.get('source') ?? sources[0]!.source
  return (
    <>
      <Section title="Sources">
        <Table
          caption="Sources, those whose labels the model contradicts most first"
          rows={sources}
          keyOf={({ source }) => source}
          columns={[
            {
              name: 'Source',
              cell: ({ source }) => (
                <button type="button" class="link" aria-pressed={source === chosen} onClick={() => goQuery({ source }, true)}>
                  {source || '(none)'}
                </button>
              ),
            },
            { name: 'Samples', number: true, cell: ({ samples }) => formatNumber(samples) },
            { name: 'Labels unlike the model', number: true, cell: ({ unlike }) => formatShare(unlike) },
            { name: 'Mean loss', number: true, cell: ({ loss }) => (loss === null ? '–' : formatNumber(loss)) },
            { name: 'Shards', number: true, wide: true, cell: ({ shards }) => formatNumber(shards) },
          ]}
        />
      </Section>
      <Section title={`Labels of ${chosen || '(none)'} against the model`}>
        <Matrix run={run} source={chosen} />
      </Section>
    </>
  )
}

function Matrix({ run, source }: { readonly run: string; readonly source: string }) {
  const fetched = useFetched<{ classes: readonly string[]; cells: readonly ConfusionCell[] }>(
    withQuery(`/api/v1/runs/${encodeURIComponent(run)}/confusion?source=${encodeURIComponent(source)}`, {}),
  )
  return (
    <Loaded fetched={fetched}>
      {({ classes, cells }) =>
        cells.length === 0 ? (
          <p class="quiet">
            It sends no predictions: with <code>tidewatch.training.predicted</code> beside the label there is something to compare.
          </p>
        ) : (
          <Confusion classes={classes} cells={cells} source={source} />
        )
      }
    </Loaded>
  )
}

/** Norms as multiples of the round's median: what a round has in common says nothing about one client. */
function heatOf(updates: Run['updates']): HeatCell[] {
  const rounds = new Map<number, number[]>()
  for (const { round, norm } of updates) {
    const norms = rounds.get(round) ?? []
    if (norm !== null && norm > 0) norms.push(norm)
    rounds.set(round, norms)
  }
  const medians = new Map([...rounds].map(([round, norms]) => [round, norms.sort((a, b) => a - b)[Math.floor(norms.length / 2)] ?? 1]))
  return updates.map(({ round, client, norm }) => ({
    column: round,
    row: client,
    value: norm === null ? null : norm / medians.get(round)!,
    text: norm === null ? 'not finite' : `norm ${formatNumber(norm)}, ${formatNumber(norm / medians.get(round)!)} times the round’s median`,
  }))
}
