import type { DetectorDefinition, Evidence } from '../detection/contract.ts'
import { isoMicros } from './incident.ts'

/** One detector's part in the case against a subject. */
export interface Detail {
  readonly detector: DetectorDefinition
  readonly score: number
  readonly pValue: number
  readonly threshold: number
  readonly evidence: Evidence
  readonly firstSeen: number
  readonly population: string
  /** Subjects compared with, the reference's start, and the median and 95th percentile of their scores. */
  readonly others: number
  readonly since: number
  readonly median: number
  readonly high: number
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
      threshold: figure(detail.threshold),
      quantity: detail.detector.quantity.name,
      seen: figure(detail.detector.quantity.value(detail.score)),
      expected: {
        median: figure(detail.detector.quantity.value(detail.median)),
        percentile95: figure(detail.detector.quantity.value(detail.high)),
        alertAbove: figure(detail.detector.quantity.value(detail.threshold)),
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

function summaryOf({ detector, score, median, high, others, pValue }: Detail): string {
  const value = (at: number): number => figure(detector.quantity.value(at))
  return (
    `${detector.quantity.name}: ${value(score)}, where the median of ${others} others is ${value(median)} ` +
    `and their 95th percentile ${value(high)} (p = ${figure(pValue)})`
  )
}

/** Four significant digits: more would pretend. */
function figure(value: number): number {
  return Number(value.toPrecision(4))
}
