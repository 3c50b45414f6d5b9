import type { Alert } from '../../src/decisions/alert.ts'
import type { Observation } from '../../src/detection/observation.ts'
import { deadLetterRow, observationRow } from '../../src/store/rows.ts'
import type { Row } from '../../src/store/store.ts'
import { storeAlerts } from '../server/fixture.ts'
import { makeAlert } from '../support/alerts.ts'
import type { EmbeddedStore } from '../support/embedded-store.ts'

/** 2026-03-01T12:00:00Z. */
export const noon = 1_772_366_400_000_000
export const minute = 60_000_000
const hour = 60 * minute

const filled = [
  'alerts',
  'incidents',
  'webhook_deliveries',
  'actions',
  'calls',
  'calls_by_minute',
  'principals_by_minute',
  'principals_by_day',
  'observations',
  'training_samples',
  'training_updates',
  'dead_letters',
  'dead_letter_replays',
]

export const emptyStore = (embedded: EmbeddedStore) => embedded.truncate(...filled)

/** Names as they come from telemetry. */
export interface Names {
  readonly principal: string
  readonly friend: string
  readonly model: string
  readonly run: string
  readonly source: string
  readonly client: string
  readonly label: string
  readonly reason: string
}

export const plain: Names = {
  principal: 'mallory',
  friend: 'trudy',
  model: 'ticket-router',
  run: 'spam-filter-7',
  source: 'forum',
  client: 'phone-9',
  label: 'spam',
  reason: 'TW_TELEMETRY_MALFORMED at byte 12',
}

const attack = (name: string) => `<script>document.title='owned'</script><img src=x onerror="document.title='owned'">${name}`

/** What somebody sends who wants the console to run it. */
export const hostile = Object.fromEntries(Object.entries(plain).map(([key, name]) => [key, attack(name)])) as unknown as Names

/** The cluster incident, the poisoned run and the rest. */
export const incidentOf = ({ principal, friend, model }: Names, changes: Partial<Alert> = {}): Alert =>
  makeAlert({
    title: `principal ${principal} asks far more different things than the others`,
    subject: { kind: 'principal', id: principal },
    members: [principal, friend].map((id) => ({ kind: 'principal', id })),
    model,
    evidence: {
      summary: `far more than ${principal} did before`,
      detectors: [
        {
          name: 'query-shift',
          pValue: 0.0001,
          quantity: 'distance',
          seen: 20,
          expected: { median: 1.6, percentile95: 2.5, alertAbove: 9 },
          facts: { calls: 3, [principal]: principal },
          reference: { population: model, subjects: 40, since: '2026-03-01T00:00:00.000000Z' },
        },
      ],
      [friend]: friend,
    },
    ...changes,
  })

/** A store that has something for every page. */
export async function fillStore(embedded: EmbeddedStore, names: Names = plain): Promise<void> {
  const { principal, friend, model, run, source, client, label, reason } = names
  await emptyStore(embedded)
  await storeAlerts(embedded.store, [
    incidentOf(names),
    makeAlert({
      id: 'a-p',
      incident: 'i-poison',
      category: 'poisoning',
      severity: 'critical',
      detector: 'label-flip',
      detectors: ['label-flip'],
      title: `source ${source} labels samples of one class as another`,
      subject: { kind: 'source', id: source },
      members: [{ kind: 'source', id: source }],
      model: null,
      run,
      handling: { acknowledged: { by: principal, time: '2026-03-01T12:01:00.000000Z' } },
    }),
    makeAlert({ id: 'a-r', incident: 'i-over', status: 'resolved', title: `over ${friend}`, pValue: null, threshold: null }),
  ])
  await embedded.store.insert('actions', [actionOf('i-0001', principal, friend)], 'full/actions')
  await embedded.store.insert('calls', callsOf(names), 'full/calls')
  await embedded.store.insert('observations', looksOf(principal, model), 'full/observations')
  await embedded.store.insert('training_samples', samplesOf(run, source, label), 'full/samples')
  await embedded.store.insert('training_updates', updatesOf(run, client), 'full/updates')
  await embedded.store.insert(
    'dead_letters',
    [0, 1, 2].map((offset) =>
      deadLetterRow({
        ...{ topic: 'otlp_spans', epoch: 'e', partition: 0, offset, index: 0, time: noon + offset * minute },
        ...{ code: 'TW_TELEMETRY_MALFORMED', reason, signal: 'traces', bytes: new Uint8Array(40), size: offset === 2 ? 70_000 : 40 },
      }),
    ),
    'full/letters',
  )
}

const actionOf = (incident: string, by: string, note: string): Row => ({
  ...{ time: noon, id: `act-${incident}`, incident, kind: 'acknowledge', by, note, until: null, verdict: '', about: '{}' },
})

/** Three of the attacker in the last quarter of an hour, one of a friend that pays with the same card, forty others. */
function callsOf({ principal, friend, model }: Names): Row[] {
  const call = (who: string, time: number, changes: object = {}): Row => ({
    ...{ time, trace_id: `trace-${time}`, span_id: `span-${who}-${time}`, principal: who, model, model_name: model },
    ...{
      service: 'gateway',
      environment: 'production',
      operation: 'chat',
      finish_reason: 'stop',
      fingerprint: `${time}`.padStart(16, '0'),
    },
    ...{ input_tokens: 20, output_tokens: 10, duration_micros: 250_000, link_kinds: ['payment'], link_values: [`card of ${who}`] },
    ...changes,
  })
  const shared = { link_values: [`card of ${principal}`] }
  return [
    ...[15, 10, 5].map((before, at) => call(principal, noon - before * minute, { ...shared, error: at === 2 })),
    call(friend, noon - 12 * minute, shared),
    ...Array.from({ length: 40 }, (_, at) => call(`user-${String(at).padStart(2, '0')}`, noon - 30 * hour + at * 40 * minute)),
  ]
}

/** The scores of forty others from 0 to 1, and of the attacker over ten looks to 3. */
function looksOf(principal: string, model: string): Row[] {
  const look = (subject: string, score: number, pValue: number, time: number): Observation => ({
    ...{ time, detector: 'query-shift', category: 'extraction', subject: { kind: 'principal', id: subject }, members: [] },
    ...{ population: model, model, service: 'gateway', environment: 'production', run: null, score, pValue, ref: '', traceId: null },
    ...{ metric: null, events: 1, firstSeen: time, lastSeen: time, samplingRatio: null, evidence: {}, sketch: null },
  })
  return [
    ...Array.from({ length: 40 }, (_, at) =>
      look(`user-${String(at).padStart(2, '0')}`, at / 40, 1 - at / 40, noon - 30 * hour + at * 40 * minute),
    ),
    ...Array.from({ length: 10 }, (_, at) => look(principal, 0.3 * (at + 1), at === 9 ? 0.0001 : 0.5, noon - (10 - at) * minute)),
  ].map(observationRow)
}

/** One source calls a third of the other class by its own label; nine do not. */
function samplesOf(run: string, source: string, label: string): Row[] {
  const sources = [source, ...Array.from({ length: 9 }, (_, at) => `shop-${at}`)]
  return sources.flatMap((who, which) =>
    Array.from({ length: 60 }, (_, at) => {
      const predicted = at % 2 === 0 ? label : 'ham'
      const flipped = which === 0 && at % 6 === 1
      return {
        ...{ time: noon - 60 * minute + (which * 60 + at) * 1_000_000, service: 'trainer', environment: 'production', run, source: who },
        ...{
          step: at,
          shard: `${who}/${at % 2}`,
          sample: `${who}/${at}`,
          label: flipped ? label : predicted,
          predicted,
          loss: flipped ? 3 : 0.2,
        },
      }
    }),
  )
}

/** Twelve clients over eight rounds; one sends an update ten times as long in the last two. */
function updatesOf(run: string, client: string): Row[] {
  const clients = [client, ...Array.from({ length: 11 }, (_, at) => `phone-0${at}`)]
  return clients.flatMap((who, which) =>
    Array.from({ length: 8 }, (_, round) => ({
      ...{
        time: noon - (60 - round) * minute + which * 1_000_000,
        service: 'federation',
        environment: 'production',
        run,
        round,
        client: who,
      },
      ...{ norm: (1 + which / 100) * (which === 0 && round >= 6 ? 10 : 1), samples: 100 },
    })),
  )
}
