import { useState } from 'preact/hooks'
import { withQuery } from '../api.ts'
import { useFetched } from '../fetched.ts'
import { formatNumber, formatPValue } from '../format.ts'
import { useDeed } from '../parts/action.tsx'
import { Chip, Loaded, Section, Table, Time } from '../parts/common.tsx'
import { Pager } from '../parts/pager.tsx'
import { to } from '../router.ts'
import type { Alert, Call, Deed, Delivery, Page } from '../shapes.ts'

const perPage = 20
const mostChanges = 30

export function Calls({ incident }: { readonly incident: string }) {
  const [before, setBefore] = useState('')
  const fetched = useFetched<Page<Call>>(withQuery(`/api/v1/incidents/${encodeURIComponent(incident)}/calls`, { before, limit: perPage }), {
    keep: true,
  })
  return (
    <Section title="Calls">
      <Loaded fetched={fetched}>
        {({ items, next }) =>
          items.length === 0 ? (
            <p class="quiet">No calls belong to it, or they are older than store.retention.calls keeps.</p>
          ) : (
            <>
              <Table
                caption="Calls of the incident"
                rows={items}
                keyOf={(call) => `${call.traceId}/${call.spanId}/${call.time}`}
                columns={[
                  { name: 'Time', cell: ({ time }) => <Time iso={time} /> },
                  {
                    name: 'Principal',
                    cell: ({ principal }) => (principal === '' ? '–' : <a href={to.principal(principal)}>{principal}</a>),
                  },
                  { name: 'Model', cell: ({ model }) => model, wide: true },
                  {
                    name: 'Tokens in',
                    number: true,
                    wide: true,
                    cell: ({ inputTokens }) => (inputTokens === null ? '–' : formatNumber(inputTokens)),
                  },
                  {
                    name: 'Tokens out',
                    number: true,
                    cell: ({ outputTokens }) => (outputTokens === null ? '–' : formatNumber(outputTokens)),
                  },
                  { name: 'ms', number: true, wide: true, cell: ({ milliseconds }) => formatNumber(milliseconds) },
                  {
                    name: 'Answer',
                    cell: (call) => (call.error ? <Chip kind="bad">error</Chip> : call.label || call.finishReason || '–'),
                    wide: true,
                  },
                  { name: 'Trace', cell: ({ traceId }) => <code class="id">{traceId}</code> },
                ]}
              />
              <Pager newer={before !== ''} older={next !== null} onNewest={() => setBefore('')} onOlder={() => setBefore(next ?? '')} />
            </>
          )
        }
      </Loaded>
    </Section>
  )
}

/** Deliveries of the incident's alerts. `newest` is the id of its newest alert: with a new one they are read again. */
export function Deliveries({ incident, newest }: { readonly incident: string; readonly newest: string }) {
  return (
    <Section title="Webhooks">
      <DeliveryTable
        key={newest}
        path={withQuery('/api/v1/webhooks/deliveries', { incident, limit: 50 })}
        empty="No webhook is told of it: none is configured, or its rules leave this out."
      />
    </Section>
  )
}

const stateKinds: Readonly<Record<string, 'good' | 'warn' | 'bad' | 'plain'>> = {
  delivered: 'good',
  pending: 'plain',
  attempted: 'warn',
  dead: 'bad',
  skipped: 'plain',
}

/** What the receiver said last. */
function answerOf({ httpStatus, reason }: Delivery): string {
  const status = httpStatus > 0 ? `HTTP ${httpStatus}` : ''
  const told = reason.startsWith(status) ? reason : `${status} ${reason}`
  return told.trim() || status || '–'
}

export function DeliveryTable({
  path,
  empty,
  named = false,
  newer = false,
  onPage,
}: {
  readonly path: string
  readonly empty: string
  /** Whether the incident of each is told: where they are of several. */
  readonly named?: boolean
  readonly newer?: boolean
  /** Turns to the page of that place, the first where it is empty. */
  readonly onPage?: (place: string) => void
}) {
  const fetched = useFetched<Page<Delivery>>(path, { keep: true })
  const deed = useDeed()
  return (
    <Loaded fetched={fetched}>
      {({ items, next }) =>
        items.length === 0 ? (
          <p class="quiet">{empty}</p>
        ) : (
          <>
            <Table
              caption="Webhook deliveries"
              rows={items}
              keyOf={({ id, target }) => `${id}/${target}`}
              columns={[
                { name: 'Receiver', cell: ({ target }) => target },
                ...(named
                  ? [
                      {
                        name: 'Incident',
                        cell: ({ incident }: Delivery) => (
                          <a href={to.incident(incident)}>
                            <code class="id">{incident}</code>
                          </a>
                        ),
                      },
                    ]
                  : []),
                { name: 'State', cell: ({ state }) => <Chip kind={stateKinds[state] ?? 'plain'}>{state}</Chip> },
                { name: 'Attempts', number: true, wide: true, cell: ({ attempts }) => formatNumber(attempts) },
                { name: 'Answer', cell: answerOf },
                { name: 'Changed', cell: ({ updated }) => <Time iso={updated} /> },
                { name: 'webhook-id', wide: true, cell: ({ id }) => <code class="id">{id}</code> },
                {
                  name: 'Again',
                  cell: ({ id, target, state }) =>
                    state === 'pending' || state === 'attempted' ? (
                      <span class="quiet">waits</span>
                    ) : (
                      <button
                        type="button"
                        class="small"
                        disabled={deed.busy}
                        aria-label={`Send again to ${target}`}
                        onClick={() =>
                          deed.run(
                            '/api/v1/webhooks/deliveries/replay',
                            { id, target },
                            `Sent again to ${target}, with the same id.`,
                            fetched.reload,
                          )
                        }
                      >
                        Send again
                      </button>
                    ),
                },
              ]}
            />
            {onPage !== undefined && (
              <Pager newer={newer} older={next !== null} onNewest={() => onPage('')} onOlder={() => onPage(next ?? '')} />
            )}
            <p class="said" role="status">
              {deed.said}
            </p>
          </>
        )
      }
    </Loaded>
  )
}

const verbs: Readonly<Record<string, string>> = { acknowledge: 'acknowledged', silence: 'silenced', feedback: 'gave feedback' }

/** What changed and who did what, the newest first. */
export function History({ alerts, actions }: { readonly alerts: readonly Alert[]; readonly actions: readonly Deed[] }) {
  const entries = [
    ...alerts.map((alert) => ({
      key: alert.id,
      time: alert.time,
      text: `${alert.handling?.change ?? alert.status}, ${alert.severity}, ${formatNumber(alert.window.events)} events, ${formatPValue(alert.pValue)}`,
    })),
    ...actions.map(({ id, time, by, kind, verdict, note }) => ({
      key: id,
      time,
      text: `${by} ${verbs[kind] ?? kind}${verdict === null ? '' : ` (${verdict})`}${note === '' ? '' : `: ${note}`}`,
    })),
  ].sort((a, b) => (a.time < b.time ? 1 : -1))
  return (
    <Section title="History">
      <ol class="history">
        {entries.slice(0, mostChanges).map(({ key, time, text }) => (
          <li key={key}>
            <Time iso={time} /> {text}
          </li>
        ))}
        {entries.length > mostChanges && <li class="quiet">and {formatNumber(entries.length - mostChanges)} before</li>}
      </ol>
    </Section>
  )
}
