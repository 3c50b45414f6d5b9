import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { grafanaFiles } from '../../scripts/dashboards.ts'
import { createDecisions } from '../../src/decisions/decide.ts'
import { deliveryRows } from '../../src/delivery/outbox.ts'
import { createDetection } from '../../src/detection/detect.ts'
import { detectors } from '../../src/detection/registry.ts'
import { isConsolePage } from '../../src/server/console.ts'
import { OutcomeBuilder } from '../../src/stages/outcome.ts'
import { batchRows } from '../../src/store/rows.ts'
import { type EmbeddedStore, openEmbeddedStore } from '../support/embedded-store.ts'
import { type Choices, expand } from './macros.ts'
import { annotationQueries, boards, panelQueries, type Query, ruleQueries, rules, variableQueries } from './queries.ts'

/** The detectors' own examples stand for a year of traffic: calls, activations, a poisoned run, a federation, sick layers. */
const shown = ['volume-and-breadth', 'activation-ood', 'label-flip', 'update-outlier', 'layer-health']
const year: Choices = { from: Date.UTC(2025, 0, 1) / 1000, to: Date.UTC(2030, 0, 1) / 1000, intervalSeconds: 3600 }

let embedded: EmbeddedStore
let choices: Choices
const answers = new Map<string, readonly Record<string, unknown>[]>()

async function ask({ rawSql }: Query, chosen: Choices): Promise<Record<string, unknown>[]> {
  return await embedded.store.query(expand(rawSql, chosen))
}

beforeAll(async () => {
  embedded = await openEmbeddedStore()
  const outcome = new OutcomeBuilder()
  const detection = createDetection({ seed: '1', disabled: [] })
  const decisions = createDecisions({ falseIncidentsPerDay: 1 })
  for (const name of shown) outcome.events.push(...detectors.find((detector) => detector.name === name)!.example.anomalous())
  outcome.events.sort((a, b) => a.time - b.time)
  // One run has both samples and clients, so that its dashboard is full.
  const run = 'example-run'
  for (const [at, event] of outcome.events.entries()) if (event.kind === 'trainingUpdate') outcome.events[at] = { ...event, run }
  for (const event of outcome.events) {
    for (const observation of detection.process(event)) {
      const { score, pValue, alerts } = decisions.process(observation)
      outcome.observations.push({ ...observation, score, pValue })
      outcome.alerts.push(...alerts)
    }
  }
  const place = { topic: 'otlp_spans', epoch: 'e', partition: 0 }
  outcome.deadLetters.push({
    ...place,
    offset: 3,
    index: 0,
    time: outcome.events[0].time,
    code: 'TW_RECORD_UNREADABLE',
    reason: 'not protobuf',
    signal: 'traces',
    bytes: new Uint8Array(3),
    size: 3,
  })
  const webhooks = [{ name: 'soc', url: 'http://127.0.0.1:9/', secret: `whsec_${Buffer.alloc(32).toString('base64')}` }]
  await embedded.store.write({
    range: { ...place, first: 0, last: 9 },
    base: { salt: 's', format: 1 },
    rows: batchRows({ ...outcome, deliveries: deliveryRows(outcome.alerts, webhooks as never) }),
  })
  const principal = outcome.alerts.find(({ category }) => category === 'extraction')!.subject.id
  choices = { ...year, principal, run }
}, 120_000)
afterAll(() => embedded.close())

describe('the files that Grafana reads', () => {
  it.each([...grafanaFiles()])('%s is what the sources say (npm run dashboards)', (path, text) => {
    expect(readFileSync(join(import.meta.dirname, '..', '..', path), 'utf8')).toBe(text)
  })

  it('have uids and titles of their own, no data source of their own, and panels that say what they show', () => {
    expect(new Set(boards.map(({ board }) => board.uid)).size).toBe(boards.length)
    expect(new Set(boards.map(({ board }) => board.title)).size).toBe(boards.length)
    for (const { board } of boards) {
      const sources = [...JSON.stringify(board).matchAll(/"datasource":\{[^}]*"uid":"([^"]+)"/g)].map(([, uid]) => uid)
      expect(new Set(sources)).toEqual(new Set(['${datasource}']))
      expect(new Set(board.panels.map(({ title }) => title)).size, board.uid).toBe(board.panels.length)
      for (const { title, description, fieldConfig } of board.panels) {
        expect(description, title).not.toBe('')
        expect(fieldConfig.defaults.noValue, title).toBeTruthy()
      }
    }
    expect(new Set(rules.map(({ title }) => title)).size).toBe(rules.length)
  })

  it('lead to pages that the console has', () => {
    const links = [...JSON.stringify(boards).matchAll(/\$\{console\}([^"$]*)/g)].map(([, path]) => path)
    expect(links.length).toBeGreaterThan(3)
    for (const path of links) expect(isConsolePage(path), path).toBe(true)
  })

  it('lead from every table of incidents to the console, from principals to their dashboard, and show incidents over every panel', () => {
    const leading = boards.flatMap(({ board }) =>
      board.panels.flatMap(({ title, type, targets, fieldConfig }) => {
        if (type !== 'table') return []
        const linked = fieldConfig.overrides
          .filter(({ properties }) => properties.some(({ id }) => id === 'links'))
          .map(({ matcher }) => matcher.options)
        const wanted = ['incident', 'principal'].filter((column) =>
          new RegExp(`(, | AS )${column}\\b[\\s\\S]* FROM`).test(targets[0].rawSql),
        )
        return wanted.filter((column) => !linked.includes(column)).map((column) => `${board.uid}: ${title}: ${column}`)
      }),
    )
    expect(leading).toEqual([])
    for (const { board } of boards) {
      expect(
        board.annotations.list.map(({ name, enable }) => [name, enable]),
        board.uid,
      ).toEqual([['Incidents', true]])
      const names = board.templating.list.map(({ name }) => name)
      expect(names.slice(0, 3), board.uid).toEqual(['datasource', 'console', 'environment'])
    }
  })

  it.each([...panelQueries, ...variableQueries, ...annotationQueries])('$where reads only the time that is shown', ({ rawSql }) => {
    expect(rawSql).toMatch(/\$__timeFilter(_ms)?\(|modification_time <= \$__toTime/)
  })
})

describe('every query answers on the real engine', () => {
  it.each([...panelQueries, ...variableQueries, ...annotationQueries, ...ruleQueries])('$where', async (query) => {
    // A user who may only read can run it.
    expect(expand(query.rawSql, choices)).toMatch(/^(SELECT|WITH) /)
    const rows = await ask(query, choices)
    answers.set(query.where, rows)
    const narrowed = await ask(query, { ...choices, environment: ["it's nowhere"], model: ['none'] })
    expect(narrowed.length).toBeLessThanOrEqual(Math.max(1, rows.length))
    // The engine takes times in milliseconds, too.
    await ask(query, { ...choices, intervalSeconds: 0.5, from: year.to - 1 })
  })

  it.each(panelQueries)('$where has the columns that its panel draws', async (query) => {
    const [first] = answers.get(query.where) ?? (await ask(query, choices))
    if (query.type === 'timeseries') {
      expect(query.format).toBe(0)
      if (first === undefined) return
      const [time, ...others] = Object.keys(first)
      expect(time).toBe('time')
      expect(others.filter((name) => typeof first[name] === 'number').length).toBeGreaterThan(0)
      expect(others.filter((name) => typeof first[name] === 'string').length).toBeLessThanOrEqual(1)
    } else {
      expect(query.format).toBe(1)
      if (query.type === 'stat') expect(Object.keys(first)).toHaveLength(1)
    }
  })

  it('shows something: what the detectors’ examples hold is on the panels', async () => {
    const blank: string[] = []
    for (const query of panelQueries) if ((await ask(query, choices)).length === 0) blank.push(query.where)
    // The example of layer health reports neither of these two metrics.
    expect(blank).toEqual(['tidewatch-activations: Spread', 'tidewatch-activations: Values that are not finite'])
  })

  it('asks nothing that a rule could not use: one row with one number, whatever the tables hold', async () => {
    for (const query of ruleQueries) {
      const rows = await ask(query, choices)
      expect(rows, query.where).toHaveLength(1)
      expect(Object.values(rows[0]), query.where).toEqual([expect.any(Number)])
    }
  })
})
