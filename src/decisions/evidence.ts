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

/**
 * What a reader can check: for each detector what was seen against what the others do, how many others and since when; the level of
 * the test and the budget behind it; the calls that made the subject speak; how the telemetry was sampled.
 */
export function evidenceOf(
  details: readonly Detail[],
  calls: readonly { traceId: string | null; spanId: string; time: number }[],
  test: { level: number; perDay: number; samplingRatio: number | null },
): Readonly<Record<string, unknown>> {
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
    calls: calls.map(({ traceId, spanId, time }) => ({ traceId, spanId, time: isoMicros(time) })),
    samplingRatio: test.samplingRatio,
  }
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
function figure(value: number): number {
  return Number(value.toPrecision(4))
}
