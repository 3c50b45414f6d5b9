import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { configHash } from '../../src/config/hash.ts'
import { configSchema } from '../../src/config/schema.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { createDecisions } from '../../src/decisions/decide.ts'
import { type CaseEvidence, told } from '../../src/decisions/evidence.ts'
import { techniqueNames } from '../../src/decisions/tags.ts'
import { createDetection } from '../../src/detection/detect.ts'
import { detectors } from '../../src/detection/registry.ts'
import { replayFiles } from '../../src/stages/replay.ts'
import { observation, plainDetector } from '../decisions/observations.ts'
import { otlpTraffic } from '../support/otlp-traffic.ts'

const config = configSchema.parse({ identity: { hash: false } })

async function alertsOf(files: readonly string[]): Promise<Alert[]> {
  const alerts: Alert[] = []
  await replayFiles(files, config, {
    storeDirectory: null,
    onOutcome: async (outcome) => void alerts.push(...outcome.alerts),
  })
  return alerts
}

/** What a reader needs to check an alert, whatever it is about. */
function expectEvidence(alert: Alert): CaseEvidence {
  const evidence = alert.evidence as CaseEvidence
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
    expect(detail.pValue, name).toBeGreaterThanOrEqual(0)
    // Compared with others, or with its own past, where facts say with what.
    expect(detail.expected.median !== null || Object.keys(detail.facts).length > 0, name).toBe(true)
    // The reference: how many, since when, how old at the time of the look, and whether the p-value is a rank in it.
    expect(Date.parse(detail.reference.since), name).toBeLessThanOrEqual(Date.parse(alert.time))
    expect(detail.reference.ageDays, name).toBeGreaterThanOrEqual(0)
    expect(detail.reference.frozen, name).toBe(false)
    expect(Date.parse(detail.reference.since) + 0.999 * detail.reference.ageDays * 86_400_000 - 1, name).toBeLessThanOrEqual(
      Date.parse(alert.time),
    )
    expect(Number.isInteger(detail.reference.subjects) && detail.reference.subjects >= 0, name).toBe(true)
    if (detail.reference.test === 'rank among the others') expect(detail.expected.median, name).not.toBeNull()
    for (const fact of Object.values(detail.facts))
      expect(fact === null || ['string', 'number', 'boolean'].includes(typeof fact), name).toBe(true)
    // The strongest speaks first, and what saw nothing is told apart.
    expect(evidence.sawNothing, name).not.toContain(detail.name)
  }
  const [first] = evidence.detectors
  expect(first!.name, name).toBe(alert.detector)
  expect(evidence.summary, name).toContain(told(first!.seen))
  expect(evidence.summary, name).toContain(`p = ${told(first!.pValue)}`)
  const { fact } = first!.facts
  if (typeof fact === 'string') expect(evidence.summary.toLowerCase(), name).toContain(fact.toLowerCase())
  // How sure.
  expect(alert.pValue, name).toBeGreaterThanOrEqual(0)
  if (alert.status === 'opened') expect(alert.pValue, name).toBeLessThanOrEqual(evidence.test.level)
  expect(evidence.test.falseIncidentsPerDay, name).toBeGreaterThan(0)
  // Since when.
  const times = [alert.window.start, alert.window.end, evidence.firstSeen, evidence.lastSeen, alert.opened, alert.time].map(Date.parse)
  expect(times.every(Number.isFinite), name).toBe(true)
  expect(Date.parse(evidence.firstSeen), name).toBeLessThanOrEqual(Date.parse(evidence.lastSeen))
  expect(alert.window.events, name).toBeGreaterThan(0)
  // Which calls: each with its trace and span, and how sure the look was that it completed.
  expect(evidence.calls.length, name).toBeLessThanOrEqual(8)
  for (const { traceId, spanId, time, detector, pValue } of evidence.calls) {
    expect(traceId !== '' && spanId !== '' && detector !== '' && pValue >= 0 && pValue <= 1, name).toBe(true)
    expect(Date.parse(time), name).toBeLessThanOrEqual(Date.parse(alert.time))
  }
  // How it was sampled and what that does to the claim: said of calls, also where nobody told.
  expect(evidence, name).toHaveProperty('samplingRatio')
  if (evidence.calls.length > 0) expect(evidence.sampling, name).toMatch(/traced/)
  expect(['low', 'medium', 'high', 'critical'], name).toContain(alert.severity)
  // What it would be, in others' words; a network that is not well is no attack.
  if (alert.category !== 'signal' && alert.category !== 'trust') expect(alert.tags.atlas, name).not.toEqual([])
  if (alert.category !== 'signal') expect(alert.tags.owasp, name).not.toEqual([])
  for (const tag of [...alert.tags.atlas, ...alert.tags.owasp]) expect(techniqueNames, name).toHaveProperty([tag])
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
    expect(alert.evidence.configuration).toBe(configHash(config))
    for (const { traceId, spanId } of calls) {
      const span = spans.find((each) => each.traceId === traceId && each.spanId === spanId)
      expect(JSON.stringify(span?.attributes)).toContain(JSON.stringify(alert.subject.id))
    }
  }
})

it.each(detectors.map((definition) => [definition.name, definition] as const))(
  'every alert about the example of %s does',
  (_, definition) => {
    const detection = createDetection({ seed: 1, detectors: [definition] })
    const decisions = createDecisions({ falseIncidentsPerDay: 1, detectors: [definition] })
    const { subject, anomalous } = definition.example
    const alerts = anomalous()
      .flatMap((event) => [...detection.process(event), ...detection.advance(event.time)])
      .flatMap((observation) => decisions.process(observation).alerts)
      .filter((alert) => alert.subject.kind === subject.kind && alert.subject.id === subject.id)
    expect(alerts.length).toBeGreaterThan(0)
    for (const alert of alerts) expectEvidence(alert)
    // Nobody was told which share is traced.
    const ofCalls = alerts.filter(({ evidence }) => (evidence as CaseEvidence).sampling !== null)
    for (const { evidence } of ofCalls) expect(evidence.sampling).toContain('Nobody told')
  },
)

it('what sampling does to the claim is said', () => {
  const said = (samplingRatio: number | null) => {
    const decisions = createDecisions({ falseIncidentsPerDay: 1, detectors: [{ ...plainDetector('plain'), perLook: true }] })
    const [alert] = decisions.process(observation({ id: 'a', at: 0, score: 9, pValue: 1e-9, samplingRatio })).alerts
    return (alert!.evidence as CaseEvidence).sampling
  }
  expect(said(0.1)).toContain('One in 10 calls is traced: true counts are about 10 times these')
  expect(said(1)).toBe('Every call is traced: counts are complete.')
  expect(said(null)).toContain('Nobody told')
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
