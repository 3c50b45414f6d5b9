import { useFetched } from '../fetched.ts'
import { formatNumber } from '../format.ts'
import { useDeed } from '../parts/action.tsx'
import { Chip, Loaded, Section, Table } from '../parts/common.tsx'

interface Receiver {
  readonly name: string
  readonly url: string
  readonly format: string
  readonly categories: readonly string[] | null
  readonly minSeverity: string
  readonly waiting: number
  readonly more: boolean
  readonly failures: number
  readonly lastFailure: string | null
}

/** Who is told of alerts, and a test of each. */
export function Receivers() {
  const fetched = useFetched<{ items: readonly Receiver[] }>('/api/v1/webhooks')
  const deed = useDeed()
  return (
    <Section title="Webhooks">
      <Loaded fetched={fetched}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="quiet">
              None is configured. Add a <code>webhooks</code> entry with a name, a URL and a secret to be told of alerts elsewhere.
            </p>
          ) : (
            <Table
              caption="Receivers of alerts"
              rows={items}
              keyOf={({ name }) => name}
              columns={[
                { name: 'Name', cell: ({ name }) => name },
                { name: 'URL', wide: true, cell: ({ url }) => url },
                {
                  name: 'Hears of',
                  wide: true,
                  cell: ({ categories, minSeverity }) => `${categories?.join(', ') ?? 'everything'}, ${minSeverity} and worse`,
                },
                { name: 'Waiting', number: true, cell: ({ waiting, more }) => `${formatNumber(waiting)}${more ? '+' : ''}` },
                {
                  name: 'State',
                  cell: ({ failures, lastFailure }) =>
                    lastFailure === null ? (
                      <Chip kind="good">well</Chip>
                    ) : (
                      <Chip kind="bad">
                        failed {formatNumber(failures)} times: {lastFailure}
                      </Chip>
                    ),
                },
                {
                  name: 'Test',
                  cell: ({ name }) => (
                    <button
                      type="button"
                      class="small"
                      disabled={deed.busy}
                      aria-label={`Send a test to ${name}`}
                      onClick={() =>
                        deed.run(
                          `/api/v1/webhooks/${encodeURIComponent(name)}/test`,
                          {},
                          `A test alert and its end were sent to ${name}.`,
                          fetched.reload,
                        )
                      }
                    >
                      Send a test
                    </button>
                  ),
                },
              ]}
            />
          )
        }
      </Loaded>
      <p class="said" role="status">
        {deed.said}
      </p>
    </Section>
  )
}
