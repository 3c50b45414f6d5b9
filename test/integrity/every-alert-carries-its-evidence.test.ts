import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { replayFiles } from '../../src/stages/replay.ts'
import { otlpTraffic } from '../support/otlp-traffic.ts'

interface Case {
  readonly summary: string
  readonly detectors: readonly {
    readonly name: string
    readonly quantity: string
    readonly seen: number
    readonly pValue: number
    readonly expected: Readonly<Record<'median' | 'percentile95' | 'alertAbove', number | null>>
    readonly facts: Readonly<Record<string, unknown>>
    readonly reference: { readonly population: string; readonly subjects: number; readonly since: string }
  }[]
  readonly test: { readonly level: number; readonly falseIncidentsPerDay: number }
  readonly firstSeen: string
  readonly lastSeen: string
  readonly calls: readonly { readonly traceId: string; readonly spanId: string; readonly time: string }[]
}

async function alertsOf(files: readonly string[]): Promise<Alert[]> {
  const alerts: Alert[] = []
  await replayFiles(files, configSchema.parse({ identity: { hash: false } }), {
    storeDirectory: null,
    onOutcome: async (outcome) => void alerts.push(...outcome.alerts),
  })
  return alerts
}

/** What a reader needs to check an alert, whatever it is about. */
function expectEvidence(alert: Alert): Case {
  const evidence = alert.evidence as unknown as Case
  const name = `${alert.detector} ${alert.subject.id} ${alert.status}`
  // Who.
  expect(alert.subject.id, name).not.toBe('')
  expect(alert.members.length, name).toBeGreaterThan(0)
  // What was seen, and what was expected.
  expect(evidence.summary, name).not.toBe('')
  expect(
    evidence.detectors.map((detail) => detail.name),
    name,
  ).toContain(alert.detector)
  for (const detail of evidence.detectors) {
    expect(detail.quantity, name).not.toBe('')
    expect(Number.isFinite(detail.seen), name).toBe(true)
    expect(detail.reference.population, name).not.toBe('')
    // Compared with others, or with its own past, where facts say with what.
    expect(detail.expected.median !== null || Object.keys(detail.facts).length > 0, name).toBe(true)
    expect(Date.parse(detail.reference.since), name).toBeLessThanOrEqual(Date.parse(alert.time))
  }
  // How sure.
  expect(alert.pValue, name).toBeGreaterThanOrEqual(0)
  if (alert.status === 'opened') expect(alert.pValue, name).toBeLessThanOrEqual(evidence.test.level)
  expect(evidence.test.falseIncidentsPerDay, name).toBeGreaterThan(0)
  // Since when.
  const times = [alert.window.start, alert.window.end, evidence.firstSeen, evidence.lastSeen, alert.opened, alert.time].map(Date.parse)
  expect(times.every(Number.isFinite), name).toBe(true)
  expect(Date.parse(evidence.firstSeen), name).toBeLessThanOrEqual(Date.parse(evidence.lastSeen))
  expect(alert.window.events, name).toBeGreaterThan(0)
  // How it was sampled: said, also where nobody told.
  expect(evidence, name).toHaveProperty('samplingRatio')
  // What it would be, in others' words; a network that is not well is no attack.
  if (alert.category === 'extraction' || alert.category === 'poisoning') expect(alert.tags.atlas, name).not.toEqual([])
  return evidence
}

it('every alert about a copied model says what was seen and expected, how sure, since when, who, and shows the very calls', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tw-evidence-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const { requests, attacker } = otlpTraffic({ now: Date.UTC(2026, 2, 4, 15), people: 40 })
  const file = join(directory, 'log.traces.jsonl')
  await writeFile(file, requests.map((request) => JSON.stringify(request)).join('\n'))
  const alerts = await alertsOf([file])
  expect(alerts.map(({ subject }) => subject.id)).toContain(attacker)

  const spans = requests.flatMap(
    (request) => request.resourceSpans[0].scopeSpans[0].spans as { traceId: string; spanId: string; attributes: object[] }[],
  )
  for (const alert of alerts) {
    const { calls } = expectEvidence(alert)
    expect(calls.length).toBeGreaterThan(0)
    for (const { traceId, spanId } of calls) {
      const span = spans.find((each) => each.traceId === traceId && each.spanId === spanId)
      expect(JSON.stringify(span?.attributes)).toContain(JSON.stringify(alert.subject.id))
    }
  }
})

const data = join(import.meta.dirname, '../../../shared/data')
const recorded = ['poisoning/samples-a.logs.jsonl.gz', 'poisoning/federated-scaled.logs.jsonl.gz', 'signals/health-a.metrics.jsonl.gz']
const there = recorded.filter((file) => existsSync(join(data, file)))
if (there.length < recorded.length) console.warn('skipped: evidence of recorded attacks, whose data is not here')

it.skipIf(there.length === 0).each(there)(
  'every alert about %s does too',
  async (file) => {
    const alerts = await alertsOf([join(data, file)])
    expect(alerts.length).toBeGreaterThan(0)
    for (const alert of alerts) expectEvidence(alert)
  },
  120_000,
)
