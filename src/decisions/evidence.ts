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
  /** The p-value is the rank among the others' scores, not the detector's own. */
  readonly ranked: boolean
  /** Other subjects, the reference's start, and the median and 95th percentile of their scores. */
  readonly others: number
  readonly since: number
  readonly median: number | null
  readonly high: number | null
  /** Somebody stopped the learning of the reference. */
  readonly frozen: boolean
  events: number
  lastSeen: number
}

/** A call that made the subject speak. */
export interface Contribution {
  readonly traceId: string
  readonly spanId: string
  /** Microseconds. */
  readonly time: number
  readonly detector: string
  /** Of the look that this call completed. */
  readonly pValue: number
}

/** A detector's part as an alert tells it. */
export interface CasePart {
  readonly name: string
  readonly pValue: number
  readonly score: number
  readonly threshold: number | null
  readonly quantity: string
  readonly seen: number
  /** Of the others; null where there are too few, or nothing was compared with them. */
  readonly expected: { readonly median: number | null; readonly percentile95: number | null; readonly alertAbove: number | null }
  readonly facts: Evidence
  readonly reference: {
    readonly population: string
    /** Other subjects in it. */
    readonly subjects: number
    readonly since: string
    readonly ageDays: number
    /** Somebody stopped its learning. */
    readonly frozen: boolean
    /** Where the p-value is from. */
    readonly test: 'rank among the others' | 'of the detector'
  }
}

export interface CaseCall {
  readonly traceId: string
  readonly spanId: string
  readonly time: string
  readonly detector: string
  readonly pValue: number
}

/** What an alert carries as its evidence. */
export interface CaseEvidence extends Readonly<Record<string, unknown>> {
  readonly summary: string
  /** The strongest first. */
  readonly detectors: readonly CasePart[]
  /** Detectors of the category that looked at the subject and saw nothing. */
  readonly sawNothing: readonly string[]
  readonly test: { readonly level: number; readonly falseIncidentsPerDay: number }
  readonly firstSeen: string
  readonly lastSeen: string
  /** The calls behind the smallest p-values, oldest first. */
  readonly calls: readonly CaseCall[]
  readonly samplingRatio: number | null
  /** What the sampling does to the claim; null where it is not about calls. */
  readonly sampling: string | null
  /** Hash of the configuration that gave these results; null where nobody told it. */
  readonly configuration: string | null
}

/** What is known besides the detectors' parts. */
export interface Circumstances {
  readonly level: number
  readonly perDay: number
  readonly configuration: string | null
  /** Event time of the look. */
  readonly time: number
  readonly firstSeen: number
  readonly lastSeen: number
  /** The look was at a call. */
  readonly ofCalls: boolean
  readonly samplingRatio: number | null
}

/** Calls that an alert names. */
const shownCalls = 8
/** Parts that an alert shows: detectors, each in each population that it judged the subject in. */
const shownParts = 12
/** Fewer others have no quantiles worth telling. */
const leastOthers = 5
const dayMicros = 86_400e6

/** Of contributions the strongest, as many as an alert names, oldest first. */
export function strongest<Each extends { readonly pValue: number; readonly time: number | string }>(all: readonly Each[]): Each[] {
  const byTime = (a: Each, b: Each) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)
  if (all.length <= shownCalls) return all.toSorted(byTime)
  // Of equally strong ones the newest: what is counted up has said the same with less before.
  return all
    .toSorted((a, b) => a.pValue - b.pValue || byTime(b, a))
    .slice(0, shownCalls)
    .sort(byTime)
}

/**
 * What a reader can check: for each detector what was seen against what the others do, how many others and since when; the level of
 * the test and the budget behind it; the calls that made the subject speak; how the telemetry was sampled. `details` are sorted, the strongest first.
 */
export function evidenceOf(details: readonly Detail[], calls: readonly Contribution[], look: Circumstances): CaseEvidence {
  const telling = details.filter(({ pValue }, index) => index === 0 || pValue <= 0.5)
  return {
    summary: summaryOf(details[0]),
    detectors: telling.map((detail) => partOf(detail, look.time)),
    sawNothing: details.filter((detail) => !telling.includes(detail)).map(({ detector }) => detector.name),
    test: { level: figure(look.level), falseIncidentsPerDay: look.perDay },
    firstSeen: isoMicros(look.firstSeen),
    lastSeen: isoMicros(look.lastSeen),
    calls: calls.map(({ traceId, spanId, time, detector, pValue }) => {
      return { traceId, spanId, time: isoMicros(time), detector, pValue: figure(pValue) }
    }),
    samplingRatio: look.samplingRatio,
    sampling: look.ofCalls ? samplingOf(look.samplingRatio) : null,
    configuration: look.configuration,
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
  const detectors = [...parts.values()].sort((a, b) => a.pValue - b.pValue).slice(0, shownParts)
  const silent = new Set([...before.sawNothing, ...after.sawNothing])
  for (const { name } of detectors) silent.delete(name)
  const samplingRatio = least(before.samplingRatio, after.samplingRatio)
  return {
    ...leading,
    detectors,
    sawNothing: [...silent],
    firstSeen: [before.firstSeen, after.firstSeen].sort()[0],
    lastSeen: [before.lastSeen, after.lastSeen].sort()[1],
    calls: strongest([...calls.values()]),
    samplingRatio,
    sampling: before.sampling === null && after.sampling === null ? null : samplingOf(samplingRatio),
  }
}

function least(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b)
}

function partOf(detail: Detail, time: number): CasePart {
  const { detector, pValue, score, threshold, evidence, population, others, since, ranked, frozen } = detail
  const { median, high } = quantilesOf(detail)
  return {
    name: detector.name,
    pValue: figure(pValue),
    score: figure(score),
    threshold: threshold === null ? null : figure(threshold),
    quantity: detector.quantity.name,
    seen: figure(detector.quantity.value(score)),
    expected: {
      median: inItsUnit(detail, median),
      percentile95: inItsUnit(detail, high),
      alertAbove: inItsUnit(detail, threshold),
    },
    facts: evidence,
    reference: {
      population,
      subjects: others,
      since: isoMicros(since),
      ageDays: figure(Math.max(0, time - since) / dayMicros),
      frozen,
      test: ranked ? 'rank among the others' : 'of the detector',
    },
  }
}

function quantilesOf({ median, high, others }: Detail): Pick<Detail, 'median' | 'high'> {
  return others < leastOthers ? { median: null, high: null } : { median, high }
}

/** What was seen, in the detector's own words where it has some, against what the others do. */
function summaryOf(detail: Detail): string {
  const { detector, score, threshold, others, pValue, evidence } = detail
  const { median, high } = quantilesOf(detail)
  const said = sayingOf(evidence)
  const unit = (value: number) => told(detector.quantity.value(value))
  const compared =
    median === null || high === null
      ? ''
      : `, where the median of ${others} others is ${unit(median)} and their 95th percentile ${unit(high)}`
  const limit = threshold === null ? '' : `alert above ${unit(threshold)}, `
  return `${said === null ? '' : `${said}; `}${detector.quantity.name}: ${unit(score)}${compared} (${limit}p = ${told(pValue)})`
}

/** The sentence in which some detectors say what they saw (`fact`, `changed`), or a value and the one that was expected. */
function sayingOf({ fact, changed, value, expected }: Evidence): string | null {
  if (typeof fact === 'string' && fact !== '') return fact[0].toUpperCase() + fact.slice(1)
  if (typeof changed === 'string' && changed !== '') return `Changed: ${changed}`
  return typeof value === 'number' && typeof expected === 'number' ? `Value ${told(value)}, expected ${told(expected)}` : null
}

function samplingOf(ratio: number | null): string {
  if (ratio === null)
    return 'Nobody told which share of the calls is traced: counts are of the calls that arrived, and true ones are higher if that is a part.'
  if (ratio >= 1) return 'Every call is traced: counts are complete.'
  const times = figure(1 / ratio)
  return `One in ${times} calls is traced: true counts are about ${times} times these, short episodes can be missed, and calls that were not traced cannot be shown. Shares and distances are as they are, but less exact.`
}

/** A score in the unit that the detector names. */
function inItsUnit({ detector }: Detail, score: number | null): number | null {
  return score === null ? null : figure(detector.quantity.value(score))
}

/** A figure as a reader takes it in: 1.288e8, not 128800000. */
export function told(value: number): string {
  const shown = figure(value)
  const size = Math.abs(shown)
  return size >= 1e6 || (size < 1e-4 && size > 0) ? shown.toExponential().replace('e+', 'e') : String(shown)
}

/** Four significant digits: more would pretend. */
function figure(value: number): number {
  return Number(value.toPrecision(4))
}
