import { describe, expect, it } from 'vitest'
import type { Evidence } from '../../dashboards/console/shapes.ts'
import type { Action } from '../../src/decisions/action.ts'
import { observationRow } from '../../src/store/rows.ts'
import { storeAlerts } from '../server/fixture.ts'
import { makeAlert } from '../support/alerts.ts'
import { makeObservation } from '../support/observations.ts'
import { executable, live, useConsole } from './open-console.ts'

const noon = 1_772_366_400_000_000
const minute = 60_000_000

describe.skipIf(executable === null)('the page of an incident', () => {
  const console = useConsole()
  const { serve, open, publish } = console

  it('is found where links in dashboards and messages say', async () => {
    await serve()
    await storeAlerts(console.embedded.store, [makeAlert()])
    const page = await open('/?incident=i-0001')
    await page.locator('.case h1', { hasText: makeAlert().title }).waitFor()
    await page.waitForURL(/\/incidents\/i-0001$/)
    const none = await open('/incidents/i-none')
    await none.getByText('There is no such incident').waitFor()
  })

  it('tells the log what is done about it', async () => {
    const acts: Action[] = []
    await serve({
      act: async (action) => {
        acts.push(action)
      },
    })
    await storeAlerts(console.embedded.store, [makeAlert()])
    const page = await open('/incidents/i-0001')
    await page.getByText('Nobody has done anything yet.').waitFor()
    await page.getByLabel('Note').fill('on it')
    await page.getByRole('button', { name: 'Acknowledge' }).click()
    await page.getByText('Acknowledge: written into the log.').waitFor()
    await page.getByLabel('For how long').selectOption('1d')
    await page.getByRole('button', { name: 'Silence' }).click()
    await page.getByText('Silence: written into the log.').waitFor()
    await page.getByRole('button', { name: 'False alarm' }).click()
    await page.getByText('False alarm: written into the log.').waitFor()
    expect(acts).toMatchObject([
      { kind: 'acknowledge', incident: 'i-0001', note: 'on it' },
      { kind: 'silence', incident: 'i-0001', note: '' },
      { kind: 'feedback', verdict: 'false', incident: 'i-0001' },
    ])
    const [, silence] = acts
    expect(silence?.kind === 'silence' && silence.until - silence.time).toBe(86_400_000_000)
  })

  it('changes as the incident does', async () => {
    await serve()
    await storeAlerts(console.embedded.store, [makeAlert()])
    const page = await open('/incidents/i-0001')
    await live(page)
    await page.locator('.case[data-severity="high"]').waitFor()
    await publish(
      makeAlert({
        id: 'a-2',
        status: 'updated',
        severity: 'critical',
        time: '2026-03-01T12:05:00.000000Z',
        handling: { acknowledged: { by: 'ops', time: '2026-03-01T12:05:00.000000Z' } },
      }),
    )
    await page.locator('.case[data-severity="critical"]').waitFor()
    await page.getByText('Acknowledged by ops').waitFor()
    await page.locator('.history', { hasText: 'opened' }).waitFor()
  })

  it('names some of a flood’s members, counts all, and leads to the incidents that it refers to and back', async () => {
    await serve()
    const principal = (id: string) => ({ kind: 'principal' as const, id })
    await storeAlerts(console.embedded.store, [
      makeAlert({ id: 'a-1', incident: 'i-first', title: 'One of the first' }),
      makeAlert({
        id: 'a-2',
        incident: 'i-flood',
        title: 'Flood at model ticket-router: 500 subjects at once',
        subject: { kind: 'fleet', id: 'ticket-router' },
        members: [{ kind: 'fleet', id: 'ticket-router' }, ...Array.from({ length: 100 }, (_, n) => principal(`user-${n}`))],
        evidence: {
          summary: 'so many',
          sampling: 'Every call is traced: counts are complete.',
          flood: { members: 495, named: 100, singles: 5 },
        },
        related: [{ incident: 'i-first', subject: principal('mallory') }],
      }),
    ])
    const page = await open('/incidents/i-flood')
    await page.getByText('and 455 more').waitFor()
    await page.locator('.members', { hasText: 'user-39' }).waitFor()
    await page.getByText('Every call is traced: counts are complete.').waitFor()
    await page.getByRole('link', { name: 'One of the first' }).click()
    await page.locator('.case h1', { hasText: 'One of the first' }).waitFor()
    await page.getByRole('link', { name: 'Flood at model ticket-router: 500 subjects at once' }).waitFor()
    const list = await open('/incidents')
    await list.getByText('fleet ticket-router and 495 more').waitFor()
  })

  it('plots the numbers of the API, and says them in words and in a table as well', async () => {
    const alert = makeAlert({
      members: [
        { kind: 'principal', id: 'mallory' },
        { kind: 'principal', id: 'trudy' },
      ],
      evidence: {
        summary: 'far away',
        detectors: [
          {
            name: 'query-shift',
            pValue: 0.0001,
            quantity: 'distance',
            seen: 20,
            expected: { median: 1.6, percentile95: 2.5, alertAbove: 9 },
            facts: { calls: 3 },
            reference: { population: 'p', subjects: 40, since: '2026-03-01T00:00:00.000000Z' },
          },
        ],
      },
    })
    await serve()
    await storeAlerts(console.embedded.store, [alert])
    const look = (subject: string, score: number, time: number) =>
      observationRow(makeObservation(time, { subject: { kind: 'principal', id: subject }, score }))
    await console.embedded.truncate('observations', 'calls')
    await console.embedded.store.insert(
      'observations',
      [
        ...Array.from({ length: 40 }, (_, at) => look(`user-${at}`, at / 40, noon - 40 * minute)),
        look('mallory', 0.5, noon - 30 * minute),
        look('mallory', 3, noon - 5 * minute),
      ],
      'o',
    )
    await console.embedded.store.insert(
      'calls',
      ['mallory', 'mallory', 'trudy'].map((principal, at) => ({
        time: noon - (10 + at) * minute,
        trace_id: `trace-${at}`,
        span_id: `span-${at}`,
        principal,
        model_name: 'ticket-router',
        link_kinds: ['payment'],
        link_values: ['card-7'],
        output_tokens: 10 + at,
      })),
      'c',
    )
    const page = await open('/incidents/i-0001')
    const figure = (title: string) => page.locator('.figure', { has: page.locator(`strong:text-is("${title}")`) })
    await figure('Among the others').waitFor()
    const api = (await (await fetch(`${console.address()}/api/v1/incidents/i-0001/evidence`)).json()) as Evidence

    const bars = api.detectors[0]!.histogram.filter(({ subjects }) => subjects > 0)
    expect(await figure('Among the others').locator('svg .bar').count()).toBe(bars.length)
    const cells = await figure('Among the others').locator('.numbers td:nth-child(3)').allTextContents()
    expect(cells.map(Number)).toEqual(bars.map(({ subjects }) => subjects))
    const label = await figure('Among the others').locator('svg').getAttribute('aria-label')
    expect(label).toContain('40 others')
    expect(label).toContain('median 1.6; mallory is at 20, an alert by itself begins at 9.')
    // The pointer of what was seen stands right of every bar, and of the limit.
    const xOf = (selector: string) =>
      figure('Among the others')
        .locator(selector)
        .evaluateAll((nodes) => Math.max(...nodes.map((node) => Number(node.getAttribute('x1') ?? node.getAttribute('x')))))
    expect(await xOf('[data-kind="seen"] line')).toBeGreaterThan(await xOf('[data-kind="limit"] line'))
    expect(await xOf('[data-kind="limit"] line')).toBeGreaterThan(await xOf('.bar'))

    const scores = await figure('Score over time').locator('.numbers tr:has-text("this subject") td:nth-child(3)').allTextContents()
    expect(scores).toEqual(['1.65', '20.1'])
    expect(api.detectors[0]!.looks.map(({ value }) => value.toPrecision(3))).toEqual(scores)
    expect(await figure('Score over time').locator('canvas').count()).toBe(1)

    const timeline = page.locator('.figure', { has: page.locator('strong:text-matches("^Calls, ")') })
    const drawn = await timeline.locator('.numbers td:nth-child(3)').allTextContents()
    const calls = api.timeline.lines.flatMap(({ points }) => points.map(([, value]) => value))
    expect(drawn.map(Number).reduce((sum, value) => sum + value, 0)).toBe(calls.reduce((sum, value) => sum + value, 0))

    expect(await figure('Accounts and what they share').locator('.member').count()).toBe(2)
    expect(await figure('Accounts and what they share').locator('.edge').count()).toBe(4)
    expect(await figure('Accounts and what they share').locator('svg').getAttribute('aria-label')).toContain('payment card-7 by 2')

    await page.getByRole('cell', { name: 'trace-2' }).waitFor()
    await page.getByText('one in 320,000 such tests').waitFor()
    expect(await page.getByRole('link', { name: 'MITRE ATLAS AML.T0024.002' }).getAttribute('href')).toBe(
      'https://atlas.mitre.org/techniques/AML.T0024.002',
    )
    await page.getByRole('cell', { name: 'pager' }).waitFor()
  })

  it('says where nothing is stored of it any more', async () => {
    await console.embedded.truncate('observations', 'calls')
    await serve()
    await storeAlerts(console.embedded.store, [makeAlert()])
    const page = await open('/incidents/i-0001')
    await page.getByText('No calls belong to it').waitFor()
    await page.getByText('No single events are stored of it').waitFor()
  })
})
