import { detectors } from '../detection/registry.ts'
import type { Reader } from './reads.ts'

/** Days back from the newest call that lists of principals and models speak of. */
export interface Span {
  readonly days: number
}

const since = '(SELECT max(minute) FROM calls_by_minute) - toIntervalDay({days:UInt32})'
const sinceDay = `toDate(${since})`

export interface RankedPrincipal {
  readonly id: string
  readonly risk: 'low' | 'medium' | 'high' | 'critical' | 'none'
  readonly openIncidents: number
  readonly leastPValue: number | null
  readonly detector: string | null
  readonly calls: number
  readonly errors: number
  readonly outputTokens: number
  readonly models: readonly string[]
  readonly last: string
}

export interface PrincipalFilter extends Span {
  readonly q: string
  readonly limit: number
  readonly offset: number
}

/**
 * Principals by risk: the severity of their open incidents, then the least p-value of their looks, then their calls. The p-value of a look is
 * one of many and no verdict; the incident is.
 */
export async function readPrincipals(store: Reader, filter: PrincipalFilter): Promise<{ total: number; items: RankedPrincipal[] }> {
  const rows = await store.query<Omit<RankedPrincipal, 'risk'> & { worst: number; total: number }>(
    `WITH
       seen AS (
         SELECT t.principal AS id, sum(t.calls) AS calls, sum(t.errors) AS errors, sum(t.output_tokens) AS output_tokens,
                arraySort(groupUniqArray(20)(toString(t.model_name))) AS models, max(t.last) AS last
         FROM principals_by_day AS t
         WHERE t.day >= ${sinceDay} AND t.principal != '' AND ({q:String} = '' OR positionCaseInsensitiveUTF8(t.principal, {q:String}) > 0)
         GROUP BY id
       ),
       looks AS (
         SELECT subject AS id, min(p_value) AS least, argMin(toString(detector), p_value) AS detector FROM observations
         WHERE subject_kind = 'principal' AND p_value IS NOT NULL AND time >= ${since} GROUP BY id
       ),
       cases AS (
         SELECT arrayJoin(arrayDistinct(arrayPushBack(members, subject))) AS id, count() AS open,
                max(indexOf(['low', 'medium', 'high', 'critical'], toString(severity))) AS worst
         FROM incidents FINAL WHERE status != 'resolved' GROUP BY id
       )
     SELECT seen.id AS id, ifNull(cases.open, 0) AS openIncidents, ifNull(cases.worst, 0) AS worst, looks.least AS leastPValue,
            if(looks.least IS NULL, NULL, looks.detector) AS detector, seen.calls AS calls, seen.errors AS errors, seen.output_tokens AS outputTokens,
            seen.models AS models, formatDateTime(seen.last, '%FT%TZ') AS last, count() OVER () AS total
     FROM seen LEFT JOIN looks ON looks.id = seen.id LEFT JOIN cases ON cases.id = seen.id
     ORDER BY worst DESC, ifNull(leastPValue, 1) ASC, calls DESC, id LIMIT {limit:UInt32} OFFSET {offset:UInt32}
     SETTINGS join_use_nulls = 1`,
    { ...filter },
  )
  const risks = ['none', 'low', 'medium', 'high', 'critical'] as const
  return { total: rows[0]?.total ?? 0, items: rows.map(({ worst, total: _, ...rest }) => ({ ...rest, risk: risks[worst] ?? 'none' })) }
}

/** What one principal did and what the detectors said of it. */
export async function readStory(store: Reader, id: string) {
  const [hours, models, looks, ties] = await Promise.all([
    store.query<{ time: string; calls: number; errors: number }>(
      `SELECT formatDateTime(toStartOfHour(t.minute), '%FT%TZ') AS time, sum(t.calls) AS calls, sum(t.errors) AS errors
       FROM principals_by_minute AS t WHERE t.principal = {id:String} GROUP BY time ORDER BY time DESC LIMIT 720`,
      { id },
    ),
    store.query<{ model: string; calls: number; inputTokens: number; outputTokens: number; inputs: number; logprobsCalls: number }>(
      `SELECT toString(t.model_name) AS model, sum(t.calls) AS calls, sum(t.input_tokens) AS inputTokens, sum(t.output_tokens) AS outputTokens,
              uniqCombinedMerge(12)(t.fingerprints) AS inputs, sum(t.logprobs_calls) AS logprobsCalls
       FROM principals_by_minute AS t WHERE t.principal = {id:String} GROUP BY model ORDER BY calls DESC LIMIT 100`,
      { id },
    ),
    store.query<{ detector: string; looks: number; newest: string; score: number; pValue: number | null; least: number | null }>(
      `SELECT toString(o.detector) AS detector, count() AS looks, formatDateTime(max(o.time), '%FT%TZ') AS newest, argMax(o.score, o.time) AS score,
              argMax(o.p_value, o.time) AS pValue, min(o.p_value) AS least
       FROM observations AS o WHERE o.subject = {id:String} AND isFinite(o.score) GROUP BY detector ORDER BY ifNull(least, 2), detector`,
      { id },
    ),
    store.query<{ kind: string; value: string; calls: number }>(
      `SELECT link.1 AS kind, link.2 AS value, count() AS calls FROM calls
       ARRAY JOIN arrayConcat(arrayZip(arrayMap(kind -> toString(kind), link_kinds), link_values),
         if(credential = '', [], [('credential', credential)])) AS link
       WHERE principal = {id:String} GROUP BY kind, value ORDER BY calls DESC LIMIT 50`,
      { id },
    ),
  ])
  return { hours: hours.reverse(), use: models, looks: looks.map(inItsUnit), links: ties }
}

/** The newest score as its detector tells it, too. */
function inItsUnit<Look extends { readonly detector: string; readonly score: number }>(look: Look) {
  const quantity = detectors.find(({ name }) => name === look.detector)?.quantity
  return { ...look, value: quantity?.value(look.score) ?? look.score, quantity: quantity?.name ?? 'score' }
}
