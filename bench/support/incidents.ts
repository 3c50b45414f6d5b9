import type { Store } from '../../src/store/store.ts'

/** 2026-03-01T12:00:00Z, seconds. */
const newest = 1_772_366_400

/**
 * Fills `alerts` (and `incidents` through its view) with that many incidents, made in the engine: one opened every minute up to `end` (seconds; noon of
 * the first of March 2026), each updated twice; those of the last day are open, the others resolved. An alert has about 1.6 kB, as alerts have.
 */
export async function insertIncidents(store: Pick<Store, 'command'>, count: number, end = newest): Promise<void> {
  for (const change of [0, 1, 2]) await store.command(changeSql(count, change, end))
}

function changeSql(count: number, change: number, end: number): string {
  const status = change === 0 ? "'opened'" : change === 1 ? "'updated'" : "if(number < 1440, 'updated', 'resolved')"
  return `INSERT INTO alerts (time, id, incident, status, opened, detector, detectors, category, severity, title, subject_kind, subject,
      member_kinds, members, model, service, environment, run, window_start, window_end, window_events, score, threshold, p_value, alert)
    WITH
      toDateTime64(${end} - number * 60, 6, 'UTC') AS begun,
      begun + ${change * 20} AS at,
      lower(hex(sipHash64(number))) AS key,
      ['volume-and-breadth', 'query-shift', 'label-flip', 'activation-ood', 'series-anomaly'][number % 5 + 1] AS who,
      ['extraction', 'extraction', 'poisoning', 'activation', 'signal'][number % 5 + 1] AS kind,
      ['low', 'medium', 'high', 'critical'][number % 7 % 4 + 1] AS weight,
      concat('user-', leftPad(toString(number % 20011), 5, '0')) AS account,
      concat('principal ', account, ' asks far more different things than the others') AS told,
      concat('model-', toString(number % 12)) AS asked,
      ${status} AS state,
      formatDateTime(begun, '%FT%T.%fZ') AS begun_text,
      formatDateTime(at, '%FT%T.%fZ') AS at_text
    SELECT at, concat('alert_', key, '_${change}'), concat('inc_', key), state, begun, who, [who], kind, weight, told, 'principal', account,
      ['principal'], [account], asked, 'gateway', 'production', '', begun - 3600, at, 400, 5.5, 4.5, 0.0001,
      concat('{"id":"alert_', key, '_${change}","incident":"inc_', key, '","status":"', state, '","time":"', at_text, '","opened":"', begun_text,
        '","detector":"', who, '","detectors":["', who, '"],"category":"', kind, '","severity":"', weight, '","title":"', told,
        '","subject":{"kind":"principal","id":"', account, '"},"members":[{"kind":"principal","id":"', account, '"}],"model":"', asked,
        '","service":"gateway","environment":"production","run":null,"window":{"start":"', begun_text, '","end":"', at_text,
        '","events":400},"score":5.5,"threshold":4.5,"pValue":0.0001,"evidence":{"summary":"new inputs in two hours: ', toString(number),
        '","detectors":[{"name":"', who, '","pValue":0.0001,"quantity":"new inputs","seen":', toString(number),
        ',"expected":{"median":10,"percentile95":25,"alertAbove":259},"facts":{"calls":400,"distinct inputs":', toString(number % 400),
        '},"reference":{"population":"production/', asked, '/principals","subjects":250,"since":"', begun_text, '"}}],"calls":[',
        arrayStringConcat(arrayMap(i -> concat('{"traceId":"', lower(hex(sipHash64(number, i))), lower(hex(sipHash64(i, number))), '","spanId":"',
          lower(hex(sipHash64(i * number))), '"}'), range(8)), ','), ']},"tags":{"atlas":["AML.T0024","AML.T0024.002"],"owasp":["LLM10:2025"]}}')
    FROM numbers(${count})`
}
