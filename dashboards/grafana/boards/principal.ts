import type { Board } from '../board.ts'
import { lines, number, table, toIncident } from '../panels.ts'
import { chosen } from '../query.ts'

const ofPrincipal = `principal = \${principal:singlequote}`
const ofMinutes = `${ofPrincipal} AND $__timeFilter(minute)${chosen({ environment: 'environment' })}`
const nobody = 'Type a principal above, or follow a link from another dashboard'

/** One principal's story. */
export const principal: Board = {
  name: 'principal',
  title: 'Principal',
  description: 'What one principal asked, what the detectors said of it, and its incidents.',
  choices: ['principal'],
  panels: [
    number({
      title: 'Calls',
      description: 'In this time.',
      sql: `SELECT sum(calls) AS calls FROM principals_by_minute WHERE ${ofMinutes}`,
      empty: nobody,
      width: 6,
    }),
    number({
      title: 'Distinct inputs',
      description: 'By fingerprint.',
      sql: `SELECT uniqCombinedMerge(12)(fingerprints) AS inputs FROM principals_by_minute WHERE ${ofMinutes}`,
      empty: nobody,
      width: 6,
    }),
    number({
      title: 'Tokens written for it',
      description: 'Output tokens.',
      sql: `SELECT sum(output_tokens) AS tokens FROM principals_by_minute WHERE ${ofMinutes}`,
      empty: nobody,
      width: 6,
    }),
    number({
      title: 'Smallest p-value',
      description: 'Of any detector, one look: looking often makes small ones.',
      sql: `SELECT min(p_value) AS smallest FROM observations
        WHERE subject = \${principal:singlequote} AND $__timeFilter_ms(time)${chosen({ environment: 'environment' })}`,
      empty: 'Not judged',
      width: 6,
    }),
    lines({
      title: 'Calls by model',
      description: 'Over time.',
      sql: `SELECT $__timeInterval(minute) AS time, model_name, sum(calls) AS calls FROM principals_by_minute WHERE ${ofMinutes} GROUP BY time, model_name ORDER BY time`,
      empty: nobody,
      width: 12,
      min: 0,
    }),
    lines({
      title: 'What the detectors say',
      description: 'Minus the decimal logarithm of the p-value: 3 is one in a thousand.',
      sql: `SELECT time, detector, -log10(greatest(p_value, 1e-30)) AS surprise FROM observations
        WHERE subject = \${principal:singlequote} AND p_value IS NOT NULL AND $__timeFilter_ms(time)${chosen({ environment: 'environment' })}
        ORDER BY time LIMIT 20000`,
      empty: 'Not judged in this time',
      width: 12,
      points: true,
      min: 0,
    }),
    table({
      title: 'Incidents',
      description: 'About it, or with it as a member.',
      sql: `SELECT time, severity, status, category, title, incident FROM incidents FINAL
        WHERE (subject = \${principal:singlequote} OR has(members, \${principal:singlequote})) AND $__timeFilter_ms(time)${chosen({ environment: 'environment' })}
        ORDER BY time DESC LIMIT 50`,
      empty: 'No incident about it',
      width: 12,
      links: [toIncident],
    }),
    table({
      title: 'Calls, newest first',
      description: 'Without text: Tidewatch keeps none.',
      sql: `SELECT time, model_name, operation, input_tokens, output_tokens, request_max_tokens, request_temperature, request_logprobs, finish_reason, error, trace_id
        FROM calls WHERE ${ofPrincipal} AND $__timeFilter_ms(time)${chosen({ environment: 'environment' })}
          AND time >= (SELECT min(newest) FROM (SELECT DISTINCT minute AS newest FROM principals_by_minute WHERE ${ofMinutes} ORDER BY newest DESC LIMIT 200))
        ORDER BY time DESC LIMIT 200`,
      empty: nobody,
      width: 12,
    }),
  ],
}
