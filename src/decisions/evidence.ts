import type { DetectorDefinition, Evidence } from '../detection/contract.ts'
import type { Subject } from '../telemetry/events.ts'
import { isoMicros } from '../telemetry/time.ts'

/** One detector's part in the case against a subject. */
export interface Detail {
  readonly detector: DetectorDefinition
  readonly score: number
  readonly pValue: number
  /** Score at which the test would have opened an incident; null where the p-value is the detector's own. */
  readonly threshold: number | null
  readonly evidence: Evidence
  readonly firstSeen: number
  readonly population: string
  /** Subjects that the alert names besides its own. */
  readonly members: readonly Subject[]
  /** Subjects compared with, the reference's start, and the median and 95th percentile of their scores. */
  readonly others: number
  readonly since: number
  readonly median: number | null
  readonly high: number | null
  events: number
  lastSeen: number
}

/** An event that made the subject speak: the span of a call, or a training sample. */
export interface Contribution {
  readonly traceId: string | null
  readonly spanId: string
  /** Microseconds. */
  readonly time: number
  readonly detector: string
  /** Of the look that this event completed; null in warm-up. */
  readonly pValue: number | null
}

/** A detector's part as an alert tells it. */
export interface CasePart {
  readonly name: string
  readonly pValue: number
  readonly score: number
  readonly threshold: number | null
  readonly quantity: string
  readonly seen: number
  readonly expected: { readonly median: number | null; readonly percentile95: number | null; readonly alertAbove: number | null }
  readonly facts: Evidence
  readonly reference: { readonly population: string; readonly subjects: number; readonly since: string }
}

export interface CaseCall {
  readonly traceId: string | null
  readonly spanId: string
  readonly time: string
  readonly detector: string
  readonly pValue: number | null
}

/** What an alert carries as its evidence. */
export interface CaseEvidence extends Readonly<Record<string, unknown>> {
  readonly summary: string
  /** The strongest first. */
  readonly detectors: readonly CasePart[]
  readonly test: { readonly level: number; readonly falseIncidentsPerDay: number }
  readonly firstSeen: string
  readonly lastSeen: string
  /** The events behind the smallest p-values, oldest first. */
  readonly calls: readonly CaseCall[]
  readonly samplingRatio: number | null
}

/** Calls that an alert names. */
const shownCalls = 8
/** Parts that an alert shows: detectors, each in each population that it judged the subject in. */
const shownParts = 12

/** Of contributions the strongest, as many as an alert names, oldest first. */
export function strongest<Each extends { readonly pValue: number | null; readonly time: number | string }>(all: readonly Each[]): Each[] {
  const byTime = (a: Each, b: Each) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)
  if (all.length <= shownCalls) return all.toSorted(byTime)
  // Of equally strong ones the newest: what is counted up has said the same with less before.
  return all
    .toSorted((a, b) => (a.pValue ?? 1) - (b.pValue ?? 1) || byTime(b, a))
    .slice(0, shownCalls)
    .sort(byTime)
}

/**
 * What a reader can check: for each detector what was seen against what the others do, how many others and since when; the level of
 * the test and the budget behind it; the calls that made the subject speak; how the telemetry was sampled.
 */
export function evidenceOf(
  details: readonly Detail[],
  calls: readonly Contribution[],
  test: { level: number; perDay: number; samplingRatio: number | null },
): CaseEvidence {
  const first = details[0]
  return {
    summary: summaryOf(first),
    detectors: details.map((detail) => ({
      name: detail.detector.name,
      pValue: figure(detail.pValue),
      score: figure(detail.score),
      threshold: detail.threshold === null ? null : figure(detail.threshold),
      quantity: detail.detector.quantity.name,
      seen: figure(detail.detector.quantity.value(detail.score)),
      expected: {
        median: inItsUnit(detail, detail.median),
        percentile95: inItsUnit(detail, detail.high),
        alertAbove: inItsUnit(detail, detail.threshold),
      },
      facts: detail.evidence,
      reference: { population: detail.population, subjects: detail.others, since: isoMicros(detail.since) },
    })),
    test: { level: figure(test.level), falseIncidentsPerDay: test.perDay },
    firstSeen: isoMicros(Math.min(...details.map((detail) => detail.firstSeen))),
    lastSeen: isoMicros(Math.max(...details.map((detail) => detail.lastSeen))),
    calls: calls.map(({ traceId, spanId, time, detector, pValue }) => {
      return { traceId, spanId, time: isoMicros(time), detector, pValue: pValue === null ? null : figure(pValue) }
    }),
    samplingRatio: test.samplingRatio,
  }
}

/** The evidence of one incident grows: each detector's strongest part, and the strongest calls. `leading` is the one that speaks for it. */
export function mergedEvidence(before: CaseEvidence, after: CaseEvidence, leading: CaseEvidence): CaseEvidence {
  const parts = new Map<string, CasePart>()
  for (const part of [...before.detectors, ...after.detectors]) {
    const key = `${part.name} ${part.reference.population}`
    const known = parts.get(key)
    if (known === undefined || part.pValue <= known.pValue) parts.set(key, part)
  }
  const calls = new Map<string, CaseCall>()
  for (const call of [...before.calls, ...after.calls]) calls.set(`${call.traceId} ${call.spanId} ${call.detector}`, call)
  return {
    ...leading,
    detectors: [...parts.values()].sort((a, b) => a.pValue - b.pValue).slice(0, shownParts),
    firstSeen: [before.firstSeen, after.firstSeen].sort()[0],
    lastSeen: [before.lastSeen, after.lastSeen].sort()[1],
    calls: strongest([...calls.values()]),
    samplingRatio: least(before.samplingRatio, after.samplingRatio),
  }
}

function least(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b)
}

function summaryOf(detail: Detail): string {
  const { detector, score, median, high, others, pValue } = detail
  const seen = `${detector.quantity.name}: ${inItsUnit(detail, score)}`
  if (median === null || high === null || others < 1) return `${seen} (p = ${figure(pValue)})`
  return (
    `${seen}, where the median of ${others} others is ${inItsUnit(detail, median)} ` +
    `and their 95th percentile ${inItsUnit(detail, high)} (p = ${figure(pValue)})`
  )
}

/** A score in the unit that the detector names. */
function inItsUnit({ detector }: Detail, score: number | null): number | null {
  return score === null ? null : figure(detector.quantity.value(score))
}

/** Four significant digits: more would pretend. */
export function figure(value: number): number {
  return Number(value.toPrecision(4))
}
