import type { Board } from '../board.ts'
import { lines, number, table, toIncident, toPrincipal, toSubject } from '../panels.ts'
import { chosen } from '../query.ts'

const ofCalls = chosen({ environment: 'environment', model: 'model_name' })
/** Of observations and of incidents. */
const ofFindings = chosen({ environment: 'environment', model: 'model' })
const sendIdentity = 'No principals yet: send user.id (or another identity attribute) with the spans'
/** The days of this time. */
const ofDays = 'day >= toDate($__fromTime) AND day <= toDate($__toTime)'
/** The principals that called most on the days of this time: of their minutes there are nearly as many as calls. */
const busiest = `SELECT principal FROM principals_by_day WHERE ${ofDays} AND principal != ''${ofCalls}
  GROUP BY principal ORDER BY sum(calls) DESC LIMIT 8`
/** Beyond so many seconds, whole days are counted. */
const long = "dateDiff('second', $__fromTime, $__toTime) > 259200"

/** Who takes the model away, and how far they are. */
export const extraction: Board = {
  name: 'extraction',
  title: 'Extraction',
  description: 'Principals by risk, what they cover of the input space, accounts that act as one, and what they took.',
  choices: ['model'],
  panels: [
    table({
      title: 'Principals by risk',
      description: 'Smallest p-value of any extraction detector in this time, with what stood behind it.',
      sql: `SELECT subject AS principal, min(p_value) AS smallest_p, argMin(detector, p_value) AS detector, max(score) AS highest_score, max(events) AS calls
        FROM observations
        WHERE category = 'extraction' AND subject_kind = 'principal' AND p_value IS NOT NULL AND $__timeFilter_ms(time)${ofFindings}
        GROUP BY principal ORDER BY smallest_p, principal LIMIT 50`,
      empty: 'Nobody is judged yet: detectors need a day and thirty principals to compare with',
      width: 12,
      links: [toPrincipal],
    }),
    table({
      title: 'Extraction incidents',
      description: 'Open and resolved, newest first; members are the accounts of a cluster.',
      sql: `SELECT time, severity, status, subject_kind, subject, arrayStringConcat(arraySlice(members, 1, 20), ', ') AS accounts, incident
        FROM incidents FINAL WHERE category = 'extraction' AND $__timeFilter_ms(time)${ofFindings} ORDER BY time DESC LIMIT 50`,
      empty: 'No extraction incident in this time',
      width: 12,
      links: [toIncident, toSubject],
    }),
    lines({
      title: 'Calls of the busiest principals',
      description: 'The eight that called most on the days of this time.',
      sql: `SELECT $__timeInterval(minute) AS time, principal, sum(calls) AS calls
        FROM principals_by_minute WHERE $__timeFilter(minute) AND principal IN (${busiest})${ofCalls}
        GROUP BY time, principal ORDER BY time`,
      empty: sendIdentity,
      width: 12,
      min: 0,
      ofPrincipals: true,
    }),
    lines({
      title: 'Coverage',
      description: 'Distinct inputs of the same eight: who harvests never repeats.',
      sql: `SELECT $__timeInterval(minute) AS time, principal, uniqCombinedMerge(12)(fingerprints) AS inputs
        FROM principals_by_minute WHERE $__timeFilter(minute) AND principal IN (${busiest})${ofCalls}
        GROUP BY time, principal ORDER BY time`,
      empty: 'No fingerprints: send tidewatch.input.fingerprint, or content that Tidewatch may turn into one',
      width: 12,
      min: 0,
      ofPrincipals: true,
    }),
    lines({
      title: 'Shift',
      description: 'Highest score of each extraction detector over all principals.',
      sql: `SELECT $__timeInterval_ms(time) AS time, detector, max(score) AS score
        FROM observations WHERE category = 'extraction' AND $__timeFilter_ms(observations.time)${ofFindings}
        GROUP BY time, detector ORDER BY time`,
      empty: 'No scores yet',
      width: 12,
    }),
    number({
      title: 'Tokens harvested',
      description:
        'Tokens that models wrote for principals with an extraction incident in this time; over more than three days, on the days of this time.',
      sql: `WITH (
          SELECT groupUniqArrayArray(arrayPushBack(members, subject)) FROM incidents FINAL WHERE category = 'extraction' AND $__timeFilter_ms(time)
        ) AS who
        SELECT sum(written) AS tokens FROM (
          SELECT sum(output_tokens) AS written FROM principals_by_minute WHERE NOT ${long} AND principal IN who AND $__timeFilter(minute)${ofCalls}
          UNION ALL
          SELECT sum(output_tokens) AS written FROM principals_by_day WHERE ${long} AND principal IN who AND ${ofDays}${ofCalls})`,
      empty: '0',
      width: 6,
    }),
    number({
      title: 'Principals',
      description: 'Distinct principals that called; over more than three days, on the days of this time.',
      sql: `SELECT uniqCombinedMerge(12)(seen) AS principals FROM (
          SELECT uniqCombinedMergeState(12)(principals) AS seen FROM calls_by_minute WHERE NOT ${long} AND $__timeFilter(minute)${ofCalls}
          UNION ALL
          SELECT uniqCombinedState(12)(principal) AS seen FROM principals_by_day WHERE ${long} AND principal != '' AND ${ofDays}${ofCalls})`,
      empty: sendIdentity,
      width: 6,
    }),
  ],
}
