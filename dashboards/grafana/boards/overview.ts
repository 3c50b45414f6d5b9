import type { Board } from '../board.ts'
import { lines, newestRecord, number, table, toIncident } from '../panels.ts'
import { chosen } from '../query.ts'

const ofIncidents = chosen({ environment: 'environment' })
const ofCalls = chosen({ environment: 'environment', model: 'model_name' })
const sendCalls = 'No calls yet: send OpenTelemetry spans of your model service'

/** What is wrong now, and whether Tidewatch sees anything. */
export const overview: Board = {
  name: 'overview',
  title: 'Overview',
  description: 'Open incidents, how many there were, and the traffic behind them.',
  choices: ['model'],
  panels: [
    number({
      title: 'Open incidents',
      description: 'Incidents that changed in this time and are not resolved.',
      sql: `SELECT count() AS open FROM incidents FINAL WHERE status != 'resolved' AND $__timeFilter_ms(time)${ofIncidents}`,
      empty: '0',
      width: 4,
    }),
    number({
      title: 'Critical or high',
      description: 'Of them, those of the two upper severities.',
      sql: `SELECT count() AS severe FROM incidents FINAL
        WHERE status != 'resolved' AND severity IN ('critical', 'high') AND $__timeFilter_ms(time)${ofIncidents}`,
      empty: '0',
      width: 4,
    }),
    number({
      title: 'Opened a day',
      description: 'Incidents opened in this time, per day. What is false of them is to stay within decisions.falseIncidentsPerDay.',
      sql: `SELECT count() / greatest(1, dateDiff('second', $__fromTime, $__toTime) / 86400) AS a_day
        FROM incidents FINAL WHERE $__timeFilter_ms(opened)${ofIncidents}`,
      empty: '0',
      width: 4,
    }),
    number({
      title: 'Judged false',
      description: 'Incidents that somebody judged to be false in this time: the budget that was really spent.',
      sql: "SELECT uniqExact(incident) AS judged FROM actions FINAL WHERE kind = 'feedback' AND verdict = 'false' AND $__timeFilter_ms(time)",
      empty: '0',
      width: 4,
    }),
    number({
      title: 'Calls',
      description: 'Calls of the chosen models.',
      sql: `SELECT sum(calls) AS calls FROM calls_by_minute WHERE $__timeFilter(minute)${ofCalls}`,
      empty: sendCalls,
      width: 4,
    }),
    newestRecord(4),
    table({
      title: 'Incidents',
      description: 'Newest change first.',
      sql: `SELECT time, severity, status, category, title,
          greatest(length(members), JSONExtractUInt(alert, 'evidence', 'flood', 'members')) AS members, p_value, opened, incident
        FROM incidents FINAL WHERE $__timeFilter_ms(time)${ofIncidents} ORDER BY time DESC LIMIT 100`,
      empty: 'No incident in this time',
      width: 24,
      links: [toIncident],
    }),
    lines({
      title: 'Incidents opened',
      description: 'By category.',
      sql: `SELECT $__timeInterval_ms(opened) AS time, category, count() AS incidents
        FROM incidents FINAL WHERE $__timeFilter_ms(opened)${ofIncidents} GROUP BY time, category ORDER BY time`,
      empty: 'No incident in this time',
      width: 12,
      stacked: true,
      min: 0,
    }),
    lines({
      title: 'Calls by model',
      description: 'Over time.',
      sql: `SELECT $__timeInterval(minute) AS time, model_name, sum(calls) AS calls
        FROM calls_by_minute WHERE $__timeFilter(minute)${ofCalls} GROUP BY time, model_name ORDER BY time`,
      empty: sendCalls,
      width: 12,
      min: 0,
    }),
    lines({
      title: 'Tokens',
      description: 'Read and written by the models.',
      sql: `SELECT $__timeInterval(minute) AS time, sum(input_tokens) AS input, sum(output_tokens) AS output
        FROM calls_by_minute WHERE $__timeFilter(minute)${ofCalls} GROUP BY time ORDER BY time`,
      empty: 'No token counts: send gen_ai.usage.input_tokens and gen_ai.usage.output_tokens',
      width: 12,
      min: 0,
    }),
    lines({
      title: 'Failed calls, and calls by nobody',
      description: 'Shares of the calls: with an error, and without any identity (nobody can be named for these).',
      sql: `SELECT $__timeInterval(minute) AS time, sum(errors) / sum(calls) AS failed, sum(unattributed_calls) / sum(calls) AS unattributed
        FROM calls_by_minute WHERE $__timeFilter(minute)${ofCalls} GROUP BY time ORDER BY time`,
      unit: 'percentunit',
      empty: sendCalls,
      width: 12,
      min: 0,
    }),
  ],
}
