import type { RunRow } from '../../../src/server/read-runs.ts'
import { withQuery } from '../api.ts'
import { useFetched } from '../fetched.ts'
import { formatNumber } from '../format.ts'
import { Empty, Loaded, Table, Time } from '../parts/common.tsx'
import { to } from '../router.ts'

export function RunsPage() {
  const fetched = useFetched<{ items: readonly RunRow[] }>('/api/v1/runs')
  return (
    <>
      <div class="page-head">
        <h1>Training runs</h1>
      </div>
      <Loaded fetched={fetched}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No training run has told of itself">
              <p>
                Send log records <code>tidewatch.training.sample</code> (run, source, label, prediction, loss) or{' '}
                <code>tidewatch.training.update</code> (run, round, client, norm). The SDK does it from a training loop:
              </p>
              <pre>
                <code>{"import { trainingRun } from 'tidewatch/sdk'"}</code>
              </pre>
            </Empty>
          ) : (
            <Table
              caption="Training runs, the newest first"
              rows={items}
              keyOf={({ run }) => run}
              columns={[
                { name: 'Run', cell: ({ run }) => <a href={to.run(run)}>{run}</a> },
                {
                  name: 'Open incidents',
                  number: true,
                  cell: ({ run, openIncidents }) =>
                    openIncidents === 0 ? '0' : <a href={withQuery('/incidents', { q: run })}>{formatNumber(openIncidents)}</a>,
                },
                { name: 'Samples', number: true, cell: ({ samples }) => formatNumber(samples) },
                { name: 'Sources', number: true, cell: ({ sources }) => formatNumber(sources) },
                { name: 'Rounds', number: true, wide: true, cell: ({ rounds }) => formatNumber(rounds) },
                { name: 'Clients', number: true, wide: true, cell: ({ clients }) => formatNumber(clients) },
                { name: 'Service', wide: true, cell: ({ service }) => service },
                { name: 'Last', cell: ({ last }) => <Time iso={last} /> },
              ]}
            />
          )
        }
      </Loaded>
    </>
  )
}
