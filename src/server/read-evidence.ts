import type { Alert } from '../decisions/alert.ts'
import { detectors } from '../detection/registry.ts'
import type { Subject } from '../telemetry/events.ts'
import { isoMicros, microsOf } from '../telemetry/time.ts'
import type { Cursor } from './cursor.ts'
import { type Page, type Positioned, pageOf, place, type Reader } from './reads.ts'

/** What the plots of an incident show. Scores are told in the unit that their detector names, as in the alert's evidence. */

/** Bars of the histogram of a population. */
const bars = 30
/** Subjects of a population, looks of a subject, members and ties that are read at most. */
const mostSubjects = 100_000
const mostLooks = 1_000
const mostMembers = 500
const mostTies = 100

export interface Look {
  readonly time: string
  readonly value: number
  readonly pValue: number | null
}

export interface DetectorPicture {
  readonly detector: string
  readonly quantity: string
  readonly population: string
  readonly others: number
  /** Newest values of the other subjects, counted in bars of equal width on the scale of the score. */
  readonly histogram: readonly { readonly from: number; readonly to: number; readonly subjects: number }[]
  /** What the detector said of the incident's subject, oldest first. */
  readonly looks: readonly Look[]
}

interface Part {
  readonly name: string
  readonly reference?: { readonly population: string }
}

const partsOf = (alert: Alert): readonly Part[] =>
  Array.isArray(alert.evidence.detectors) ? (alert.evidence.detectors as Part[]) : alert.detectors.map((name) => ({ name }))

/** The subject whose events an alert is drawn from: a flood is shown by its strongest member. */
export function shownSubject({ subject, evidence }: Alert): Subject {
  const { strongest } = (evidence.flood ?? {}) as { readonly strongest?: Subject }
  return strongest ?? subject
}

/** For each detector of the evidence: where the others of its population are, and how the subject came to where it is. */
export function readPictures(store: Reader, alert: Alert): Promise<DetectorPicture[]> {
  const until = microsOf(alert.time)
  const { kind, id } = shownSubject(alert)
  return Promise.all(
    partsOf(alert).map(async ({ name, reference }) => {
      const definition = detectors.find((known) => known.name === name)
      const inItsUnit = (score: number) => (definition === undefined ? score : definition.quantity.value(score))
      const population = reference?.population ?? ''
      const about = { detector: name, population, subject: id, kind, until }
      const [scores, looks] = await Promise.all([
        definition?.perLook === true ? [] : readScores(store, about),
        store.query<{ micros: number; score: number; p_value: number | null }>(
          `SELECT toUnixTimestamp64Micro(time) AS micros, score, p_value FROM observations
           WHERE detector = {detector:String} AND subject_kind = {kind:String} AND subject = {subject:String}
             AND time <= fromUnixTimestamp64Micro({until:Int64}, 'UTC') AND isFinite(score)
           ORDER BY time DESC LIMIT {most:UInt32}`,
          { ...about, most: mostLooks },
        ),
      ])
      return {
        detector: name,
        quantity: definition?.quantity.name ?? 'score',
        population,
        others: scores.length,
        histogram: histogramOf(scores, inItsUnit),
        looks: looks.reverse().map(({ micros, score, p_value }) => ({ time: isoMicros(micros), value: inItsUnit(score), pValue: p_value })),
      }
    }),
  )
}

async function readScores(
  store: Reader,
  about: { detector: string; population: string; subject: string; until: number },
): Promise<number[]> {
  const rows = await store.query<{ newest: number }>(
    `SELECT argMax(score, time) AS newest FROM observations
     WHERE detector = {detector:String} AND population = {population:String} AND subject != {subject:String}
       AND time <= fromUnixTimestamp64Micro({until:Int64}, 'UTC') AND isFinite(score)
     GROUP BY subject_kind, subject LIMIT {most:UInt32}`,
    { ...about, most: mostSubjects },
  )
  return rows.map(({ newest }) => newest)
}

function histogramOf(scores: readonly number[], inItsUnit: (score: number) => number): DetectorPicture['histogram'] {
  if (scores.length === 0) return []
  const low = scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY)
  const high = scores.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY)
  const width = (high - low) / bars || 1
  const counts = new Array<number>(bars).fill(0)
  for (const score of scores) counts[Math.min(bars - 1, Math.floor((score - low) / width))]!++
  return counts.map((subjects, bar) => ({ from: inItsUnit(low + bar * width), to: inItsUnit(low + (bar + 1) * width), subjects }))
}

const accountKinds = ['principal', 'credential', 'cluster', 'fleet']

/** Accounts that the incident is about. */
export function accountsOf(alert: Alert): string[] {
  const all = [alert.subject, ...alert.members].filter(({ kind }) => kind === 'principal' || kind === 'credential')
  return [...new Set(all.map(({ id }) => id))].slice(0, mostMembers)
}

export interface Tie {
  readonly kind: string
  readonly value: string
  readonly members: readonly string[]
}

/** What several accounts of the incident share: addresses, agents, payment, credentials, models. The most widely shared first. */
export async function readTies(store: Reader, alert: Alert): Promise<Tie[]> {
  const members = accountsOf(alert)
  if (members.length < 2) return []
  return store.query<Tie & Record<string, unknown>>(
    `SELECT tie.1 AS kind, tie.2 AS value, arraySort(groupUniqArray(200)(principal)) AS members FROM (
       SELECT principal, arrayJoin(arrayConcat(arrayZip(arrayMap(kind -> toString(kind), link_kinds), link_values),
         if(credential = '', [], [('credential', credential)]), [('model', toString(model_name))])) AS tie
       FROM calls WHERE principal IN {members:Array(String)} AND ${within}
     ) GROUP BY kind, value HAVING length(members) > 1 ORDER BY length(members) DESC, kind, value LIMIT {most:UInt32}`,
    { members, ...windowOf(alert), most: mostTies },
  )
}

const within = "time BETWEEN fromUnixTimestamp64Micro({start:Int64}, 'UTC') AND fromUnixTimestamp64Micro({end:Int64}, 'UTC')"

/** The incident's window with what comes soon after it, microseconds. */
function windowOf({ window }: Alert): { start: number; end: number } {
  return { start: microsOf(window.start), end: microsOf(window.end) }
}

interface CallRow extends Positioned {
  trace_id: string
  span_id: string
  principal: string
  model_name: string
  operation: string
  input_tokens: number | null
  output_tokens: number | null
  duration_micros: number
  finish_reason: string
  error: boolean
  top_logprobs: number | null
  prediction_label: string
}

/** Calls of the incident's accounts within its window, newest first; without accounts those that its evidence names. */
export async function readRelatedCalls(store: Reader, alert: Alert, limit: number, before: Cursor): Promise<Page<object>> {
  const members = accountKinds.includes(alert.subject.kind) ? accountsOf(alert) : []
  const named = Array.isArray(alert.evidence.calls) ? (alert.evidence.calls as { traceId: string | null; spanId: string }[]) : []
  const whose =
    members.length > 0
      ? 'principal IN {members:Array(String)} OR credential IN {members:Array(String)}'
      : 'span_id IN {spans:Array(String)}'
  const rows = await store.query<CallRow>(
    `SELECT toUnixTimestamp64Micro(time) AS micros, span_id AS key, trace_id, span_id, principal, model_name, operation, input_tokens, output_tokens,
            duration_micros, finish_reason, error, request_top_logprobs AS top_logprobs, prediction_label
     FROM calls WHERE (${whose}) AND ${within} AND (micros, key) < ({time:Int64}, {key:String})
     ORDER BY micros DESC, key DESC LIMIT {limit:UInt32}`,
    { members, spans: named.map(({ spanId }) => spanId), ...windowOf(alert), ...place(before), limit: limit + 1 },
  )
  return pageOf(rows, limit, (row) => ({
    time: isoMicros(row.micros),
    traceId: row.trace_id,
    spanId: row.span_id,
    principal: row.principal,
    model: row.model_name,
    operation: row.operation,
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    milliseconds: row.duration_micros / 1000,
    finishReason: row.finish_reason,
    error: row.error,
    topLogprobs: row.top_logprobs,
    label: row.prediction_label,
  }))
}
