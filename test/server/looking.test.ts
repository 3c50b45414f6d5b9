import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Observation } from '../../src/detection/observation.ts'
import { createServer, type Server } from '../../src/server/app.ts'
import { observationRow } from '../../src/store/rows.ts'
import type { Row } from '../../src/store/store.ts'
import { makeAlert } from '../support/alerts.ts'
import { type EmbeddedStore, openEmbeddedStore } from '../support/embedded-store.ts'
import { makeObservation } from '../support/observations.ts'
import { makeDeps, serverConfig, storeAlerts } from './fixture.ts'

/** 2026-03-01T12:00:00Z. */
const noon = 1_772_366_400_000_000
const minute = 60_000_000

describe('what the console looks at', () => {
  let embedded: EmbeddedStore
  let server: Server

  beforeAll(async () => {
    embedded = await openEmbeddedStore()
    server = createServer(serverConfig(), makeDeps(embedded.store))
    await server.app.ready()
  })

  afterAll(async () => {
    await server.close()
    await embedded.close()
  })

  beforeEach(() =>
    embedded.truncate(
      'alerts',
      'incidents',
      'observations',
      'calls',
      'calls_by_minute',
      'principals_by_minute',
      'principals_by_day',
      'training_samples',
      'training_updates',
      'webhook_deliveries',
    ),
  )

  const get = async (path: string, status = 200) => {
    const answer = await server.app.inject(path)
    expect(answer.statusCode, answer.body).toBe(status)
    return answer.json()
  }

  const look = (subject: string, score: number, time: number, changes: Partial<Observation> = {}): Row =>
    observationRow(
      makeObservation(time, {
        subject: { kind: 'principal', id: subject },
        model: 'ticket-router',
        service: 'gateway',
        environment: 'production',
        score,
        ref: 's',
        ...changes,
      }),
    )

  const call = (principal: string, time: number, changes: object = {}) => ({
    time,
    trace_id: `t-${time}`,
    span_id: `s-${time}`,
    principal,
    model_name: 'ticket-router',
    operation: 'chat',
    output_tokens: 10,
    duration_micros: 5_000,
    ...changes,
  })

  it('searches and counts incidents as the filter says, also by a part of a member’s name', async () => {
    await storeAlerts(embedded.store, [
      makeAlert({ id: 'a', incident: 'i-a', members: [{ kind: 'principal', id: 'Mallory<script>' }] }),
      makeAlert({ id: 'b', incident: 'i-b', title: 'something else', severity: 'low', model: 'other', category: 'signal' }),
      makeAlert({ id: 'c', incident: 'i-c', title: 'over', status: 'resolved' }),
    ])
    const ids = async (query: string) =>
      (await get(`/api/v1/incidents?${query}`)).items.map(({ incident }: { incident: string }) => incident).toSorted()
    expect(await ids('q=mallory%3CSCRIPT')).toEqual(['i-a'])
    expect(await ids('q=ELSE')).toEqual(['i-b'])
    expect(await ids('q=i-c')).toEqual(['i-c'])
    expect(await ids('open=true')).toEqual(['i-a', 'i-b'])
    expect(await ids('open=false')).toEqual(['i-c'])
    expect(await ids('model=other')).toEqual(['i-b'])
    expect(await ids('detector=query-shift&open=true')).toEqual(['i-a', 'i-b'])
    expect(await get('/api/v1/incidents/counts')).toEqual({
      total: 3,
      open: 2,
      severities: { high: 1, low: 1 },
      categories: { extraction: 1, signal: 1 },
    })
    expect(await get('/api/v1/incidents/counts?q=over')).toEqual({ total: 1, open: 0, severities: {}, categories: {} })
    await get('/api/v1/incidents?open=perhaps', 400)
  })

  it('shows a flood with its strongest member, and incidents that refer to each other from both sides', async () => {
    const principal = (id: string) => ({ kind: 'principal' as const, id })
    await storeAlerts(embedded.store, [
      makeAlert({ id: 'a', incident: 'i-a', title: 'one of the first', subject: principal('first'), members: [principal('first')] }),
      makeAlert({ id: 'x', incident: 'i-x', title: 'another matter' }),
      makeAlert({
        id: 'f',
        incident: 'i-f',
        title: 'Flood',
        subject: { kind: 'fleet', id: 'ticket-router' },
        members: [{ kind: 'fleet', id: 'ticket-router' }, principal('trudy')],
        evidence: {
          detectors: [{ name: 'query-shift', reference: { population: 'p' } }],
          flood: { members: 495, strongest: { kind: 'principal', id: 'trudy' } },
        },
        related: [{ incident: 'i-a', subject: principal('first') }],
      }),
    ])
    await embedded.store.insert('observations', [look('trudy', 2, noon - minute), look('user-1', 0, noon - minute)], 'observations')
    await embedded.store.insert('calls', [call('trudy', noon - 2 * minute)], 'calls')
    const { detectors, timeline } = await get('/api/v1/incidents/i-f/evidence')
    expect(detectors[0].looks).toHaveLength(1)
    expect(timeline.lines.map(({ name }: { name: string }) => name)).toEqual(['trudy'])
    const others = async (id: string) => (await get(`/api/v1/incidents/${id}`)).related
    expect(await others('i-f')).toEqual([{ incident: 'i-a', status: 'opened', severity: 'high', title: 'one of the first' }])
    expect(await others('i-a')).toMatchObject([{ incident: 'i-f', title: 'Flood' }])
    expect(await others('i-x')).toEqual([])
  })

  it('shows an incident’s subject among the others, its looks in order, its calls in time, and what its accounts share', async () => {
    await storeAlerts(embedded.store, [
      makeAlert({
        members: [
          { kind: 'principal', id: 'mallory' },
          { kind: 'principal', id: 'trudy' },
        ],
        evidence: { detectors: [{ name: 'query-shift', reference: { population: 'p' } }] },
      }),
    ])
    const others = Array.from({ length: 40 }, (_, at) => look(`user-${at}`, at / 40, noon - 30 * minute))
    const own = [look('mallory', 1, noon - 20 * minute, { pValue: 0.04 }), look('mallory', 3, noon - 10 * minute, { pValue: 0.0001 })]
    // After the alert, of another population, of another detector: none of it belongs into the picture.
    const foreign = [
      look('user-1', 99, noon + minute),
      look('user-x', 99, noon - minute, { population: 'q' }),
      look('user-y', 99, noon - minute, { detector: 'volume-and-breadth' }),
    ]
    await embedded.store.insert('observations', [...others, ...own, ...foreign], 'observations')
    await embedded.store.insert(
      'calls',
      [
        call('mallory', noon - 30 * minute, { link_kinds: ['payment'], link_values: ['card-1'], credential: 'key' }),
        call('mallory', noon - 29 * minute),
        call('trudy', noon - 20 * minute, { link_kinds: ['payment'], link_values: ['card-1'] }),
        call('alice', noon - 20 * minute, { link_kinds: ['payment'], link_values: ['card-1'] }),
        call('mallory', noon + 600 * minute),
      ],
      'calls',
    )
    const { detectors, timeline, ties } = await get('/api/v1/incidents/i-0001/evidence')
    expect(detectors).toHaveLength(1)
    const [picture] = detectors
    expect(picture.others).toBe(40)
    expect(picture.histogram.reduce((sum: number, { subjects }: { subjects: number }) => sum + subjects, 0)).toBe(40)
    // exp(score): the unit of this detector.
    expect(picture.looks.map(({ value, pValue }: { value: number; pValue: number }) => [value, pValue])).toEqual([
      [Math.exp(1), 0.04],
      [Math.exp(3), 0.0001],
    ])
    expect(timeline.quantity).toBe('calls')
    expect(timeline.lines.map(({ name, points }: { name: string; points: [string, number][] }) => [name, points.length])).toEqual([
      ['mallory', 2],
      ['trudy', 1],
    ])
    expect(ties).toEqual([
      { kind: 'model', value: 'ticket-router', members: ['mallory', 'trudy'] },
      { kind: 'payment', value: 'card-1', members: ['mallory', 'trudy'] },
    ])
    const first = await get('/api/v1/incidents/i-0001/calls?limit=2')
    expect(first.items.map(({ principal }: { principal: string }) => principal)).toEqual(['trudy', 'mallory'])
    const second = await get(`/api/v1/incidents/i-0001/calls?limit=2&before=${first.next}`)
    expect(second.items.map(({ spanId }: { spanId: string }) => spanId)).toEqual([`s-${noon - 30 * minute}`])
    expect(second.next).toBeNull()
    await get('/api/v1/incidents/nobody/evidence', 404)
    await get('/api/v1/incidents/nobody/calls', 404)
  })

  it('an incident without any of that has an evidence without plots', async () => {
    await storeAlerts(embedded.store, [makeAlert()])
    const { detectors, timeline, ties } = await get('/api/v1/incidents/i-0001/evidence')
    expect(detectors).toMatchObject([{ detector: 'query-shift', others: 0, histogram: [], looks: [] }])
    expect([timeline.lines, ties]).toEqual([[], []])
  })

  it('ranks principals by open incident, then by the least p-value, then by calls; one has a page whatever its name', async () => {
    const strange = '<script>/?#é'
    await storeAlerts(embedded.store, [makeAlert({ subject: { kind: 'principal', id: 'mallory' }, severity: 'critical' })])
    await embedded.store.insert('observations', [look(strange, 2, noon, { pValue: 0.001 }), look('alice', 0, noon)], 'o')
    await embedded.store.insert(
      'calls',
      [
        ...Array.from({ length: 3 }, (_, at) => call('bob', noon - at * minute)),
        call('alice', noon),
        call(strange, noon, { error: true }),
        call('mallory', noon),
      ],
      'c',
    )
    const { total, items } = await get('/api/v1/principals')
    expect(total).toBe(4)
    expect(items.map(({ id, risk }: { id: string; risk: string }) => [id, risk])).toEqual([
      ['mallory', 'critical'],
      [strange, 'none'],
      ['alice', 'none'],
      ['bob', 'none'],
    ])
    expect(items[1]).toMatchObject({ leastPValue: 0.001, detector: 'query-shift', calls: 1, errors: 1, outputTokens: 10 })
    const rest = await get('/api/v1/principals?limit=1&offset=1&q=O')
    expect(rest).toMatchObject({ total: 2, items: [{ id: 'bob' }] })
    const story = await get(`/api/v1/principals/${encodeURIComponent(strange)}`)
    // Who mistakes a name for its hash is told so, and the name is not repeated.
    const unknown = await server.app.inject({ url: '/api/v1/principals/nobody-at-all' })
    expect([unknown.statusCode, unknown.payload.includes('nobody-at-all')]).toEqual([404, false])
    expect(story).toMatchObject({
      id: strange,
      calls: 1,
      hours: [{ time: '2026-03-01T12:00:00Z', calls: 1, errors: 1 }],
      use: [{ model: 'ticket-router', calls: 1, outputTokens: 10 }],
      looks: [{ detector: 'query-shift', looks: 1, pValue: 0.001, least: 0.001 }],
    })
    const [model] = (await get('/api/v1/models')).items
    expect(model).toMatchObject({ name: 'ticket-router', calls: 6, errors: 1, principals: 4, openIncidents: 1, meanMilliseconds: 5 })
    expect(model.steps).toHaveLength(48)
    expect(model.steps.reduce((sum: number, calls: number) => sum + calls, 0)).toBe(6)
  })

  it('shows a training run by source, by class and by round', async () => {
    const sample = (source: string, label: string, predicted: string, at: number) => ({
      time: noon + at,
      run: 'r/1',
      source,
      label,
      predicted,
      loss: 0.5,
      sample: `${at}`,
    })
    await embedded.store.insert(
      'training_samples',
      [sample('good', 'cat', 'cat', 1), sample('good', 'dog', 'dog', 2), sample('bad', 'cat', 'dog', 3), sample('bad', 'cat', 'cat', 4)],
      's',
    )
    await embedded.store.insert(
      'training_updates',
      [
        { time: noon, run: 'r/1', round: 1, client: 'c1', norm: 2, samples: 5 },
        { time: noon, run: 'r/1', round: 1, client: 'c2', norm: 'nan', samples: 5 },
      ],
      'u',
    )
    expect((await get('/api/v1/runs')).items).toMatchObject([
      { run: 'r/1', samples: 4, sources: 2, rounds: 1, clients: 2, openIncidents: 0 },
    ])
    const run = await get(`/api/v1/runs/${encodeURIComponent('r/1')}`)
    expect(run.sources).toMatchObject([
      { source: 'bad', samples: 2, unlike: 0.5, loss: 0.5 },
      { source: 'good', samples: 2, unlike: 0 },
    ])
    expect(run.updates).toEqual([
      { round: 1, client: 'c1', norm: 2, samples: 5 },
      { round: 1, client: 'c2', norm: null, samples: 5 },
    ])
    const { classes, cells } = await get(`/api/v1/runs/${encodeURIComponent('r/1')}/confusion?source=bad`)
    expect(classes).toEqual(['cat', 'dog'])
    expect(cells).toEqual([
      { label: 'cat', predicted: 'cat', own: 1, others: 1 },
      { label: 'cat', predicted: 'dog', own: 1, others: 0 },
      { label: 'dog', predicted: 'dog', own: 0, others: 1 },
    ])
    await get('/api/v1/runs/none', 404)
  })

  it('counts which share of a detector’s p-values is how small: of a subject and day the least', async () => {
    await embedded.store.insert(
      'observations',
      [
        look('a', 1, noon, { pValue: 0.5 }),
        look('a', 1, noon + 1, { pValue: 0.004 }),
        look('b', 1, noon),
        look('c', 1, noon, { pValue: null }),
      ],
      'o',
    )
    const { subjectDays, levels, hours } = await get('/api/v1/detectors/query-shift/calibration')
    expect(subjectDays).toBe(2)
    expect(levels.find(({ level }: { level: number }) => level === 0.005)).toEqual({ level: 0.005, found: 1, share: 0.5 })
    expect(levels.find(({ level }: { level: number }) => level === 0.002)).toEqual({ level: 0.002, found: 0, share: 0 })
    expect(hours).toEqual([{ time: '2026-03-01T12:00:00Z', looks: 4, subjects: 3 }])
    await get('/api/v1/detectors/none/calibration', 404)
  })

  it('tells deliveries of one incident, and the configuration as text', async () => {
    await storeAlerts(embedded.store, [makeAlert(), makeAlert({ id: 'b', incident: 'i-b' })])
    const { items } = await get('/api/v1/webhooks/deliveries?incident=i-b')
    expect(items).toMatchObject([{ id: 'b', incident: 'i-b', target: 'pager' }])
    expect(await get('/api/v1/settings')).toEqual({ version: '0.0.0-test', yaml: 'server:\n  port: 8686\n' })
  })
})
