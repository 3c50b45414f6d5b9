import { withQuery } from '../api.ts'
import { useFetched } from '../fetched.ts'
import { formatBytes, formatNumber, formatTime } from '../format.ts'
import { progress, status } from '../live.ts'
import { useDeed } from '../parts/action.tsx'
import { Chip, Choice, Facts, Loaded, Section, Table, Time } from '../parts/common.tsx'
import { Pager } from '../parts/pager.tsx'
import { goQuery, query } from '../router.ts'
import type { Page } from '../shapes.ts'
import { DeliveryTable } from './incident-lists.tsx'
import { Receivers } from './receivers.tsx'

interface DeadLetter {
  readonly id: string
  readonly topic: string
  readonly time: string
  readonly code: string
  readonly reason: string
  readonly signal: string
  readonly size: number
  readonly replayed: { readonly time: string; readonly by: string } | null
  readonly notReplayable: string | null
}

const replays = [
  ['', 'All'],
  ['false', 'Not replayed'],
  ['true', 'Replayed'],
] as const

const deliveryStates = [
  ['', 'All'],
  ['pending', 'Pending'],
  ['attempted', 'Attempted'],
  ['delivered', 'Delivered'],
  ['dead', 'Given up'],
  ['skipped', 'Skipped'],
] as const

export function PipelinePage() {
  const now = progress.value
  const state = query.value.get('state') ?? ''
  const deliveries = query.value.get('deliveries') ?? ''
  return (
    <>
      <div class="page-head">
        <h1>Pipeline</h1>
      </div>
      {now !== null && (
        <Facts
          entries={[
            ['Events', formatNumber(now.events)],
            ['Events a second', formatNumber(now.eventsPerSecond)],
            ['Records', formatNumber(now.records)],
            ['Alerts', formatNumber(now.alerts)],
            ['Refused', formatNumber(now.deadLetters)],
            ['Seen up to', now.watermark === null ? '–' : formatTime(now.watermark)],
            ['Store', status.value?.store],
            ['Running since', status.value && <Time iso={status.value.started} />],
          ]}
        />
      )}
      <Section title="Waiting in the log">
        {now === null || now.lag.length === 0 ? (
          <p class="quiet">No partition is read. Inputs: {status.value?.inputs.join(', ') || 'none'}</p>
        ) : (
          <Table
            caption="Lag by partition"
            rows={now.lag}
            keyOf={({ topic, partition }) => `${topic}/${partition}`}
            columns={[
              { name: 'Topic', cell: ({ topic }) => topic },
              { name: 'Partition', number: true, cell: ({ partition }) => String(partition) },
              { name: 'Records waiting', number: true, cell: ({ records }) => formatNumber(records) },
            ]}
          />
        )}
      </Section>
      <DeadLetters />
      <Receivers />
      <Section
        title="Webhook deliveries"
        aside={
          <Choice
            name="state"
            label="State"
            options={deliveryStates}
            value={state}
            onChange={(value) => goQuery({ state: value, deliveries: '' }, true)}
          />
        }
      >
        <DeliveryTable
          path={withQuery('/api/v1/webhooks/deliveries', { state, before: deliveries, limit: 20 })}
          empty={state === '' ? 'None: no alert went to a webhook.' : 'None is in this state.'}
          named
          newer={deliveries !== ''}
          onPage={(place) => goQuery({ deliveries: place })}
        />
      </Section>
    </>
  )
}

function DeadLetters() {
  const replayed = query.value.get('replayed') ?? ''
  const before = query.value.get('letters') ?? ''
  const fetched = useFetched<Page<DeadLetter>>(withQuery('/api/v1/dead-letters', { replayed, before, limit: 20 }), { keep: true })
  const deed = useDeed()
  const replay = (letters: readonly DeadLetter[]) =>
    deed.run(
      '/api/v1/dead-letters/replay',
      { ids: letters.map(({ id }) => id) },
      `${formatNumber(letters.length)} put into the log again.`,
      fetched.reload,
    )
  return (
    <Section
      title="Dead letters"
      aside={
        <Choice
          name="replayed"
          label="Show"
          options={replays}
          value={replayed}
          onChange={(value) => goQuery({ replayed: value, letters: '' }, true)}
        />
      }
    >
      <Loaded fetched={fetched}>
        {({ items, next }) => {
          if (items.length === 0)
            return (
              <p class="quiet">None. Records that cannot be understood come here with the reason, and can be put into the log again.</p>
            )
          const waiting = items.filter((letter) => letter.replayed === null && letter.notReplayable === null)
          return (
            <>
              <Table
                caption="Records that were refused"
                rows={items}
                keyOf={({ id }) => id}
                columns={[
                  { name: 'Time', cell: ({ time }) => <Time iso={time} /> },
                  { name: 'Code', cell: ({ code }) => <code>{code}</code> },
                  { name: 'Reason', cell: ({ reason }) => reason },
                  { name: 'Where', wide: true, cell: ({ topic, signal }) => `${topic}, ${signal}` },
                  { name: 'Size', number: true, wide: true, cell: ({ size }) => formatBytes(size) },
                  {
                    name: 'Again',
                    cell: (letter) =>
                      letter.replayed !== null ? (
                        <Chip kind="good">replayed by {letter.replayed.by}</Chip>
                      ) : letter.notReplayable !== null ? (
                        <span class="quiet">{letter.notReplayable}</span>
                      ) : (
                        <button
                          type="button"
                          class="small"
                          disabled={deed.busy}
                          aria-label={`Replay ${letter.code} of ${letter.time}`}
                          onClick={() => replay([letter])}
                        >
                          Replay
                        </button>
                      ),
                  },
                ]}
              />
              <div class="row">
                <Pager
                  newer={before !== ''}
                  older={next !== null}
                  onNewest={() => goQuery({ letters: '' })}
                  onOlder={() => goQuery({ letters: next ?? '' })}
                />
                {waiting.length > 1 && (
                  <button type="button" disabled={deed.busy} onClick={() => replay(waiting)}>
                    Replay these {formatNumber(waiting.length)}
                  </button>
                )}
              </div>
            </>
          )
        }}
      </Loaded>
      <p class="said" role="status">
        {deed.said}
      </p>
    </Section>
  )
}
