/** Rules about Tidewatch's own health: a second road beside webhooks, which cannot tell of their own silence. */

interface Health {
  readonly name: string
  readonly title: string
  /** One row with one number, always; the rule fires above `above`. */
  readonly sql: string
  readonly above: number
  readonly for: string
  readonly summary: string
}

const rules: readonly Health[] = [
  {
    name: 'lag',
    title: 'Nothing is stored',
    sql: "SELECT dateDiff('second', max(stored), now()) AS seconds FROM ranges WHERE stored >= now() - INTERVAL 1 DAY",
    above: 300,
    for: '5m',
    summary:
      'Tidewatch has stored nothing for five minutes: see /readyz of the instance. Clock ticks alone store something every ten seconds.',
  },
  {
    name: 'silence',
    title: 'Calls fell silent',
    sql: `SELECT sumIf(calls, calls_by_minute.stored >= now() - INTERVAL 1 DAY) > 1000 AND max(calls_by_minute.stored) < now() - INTERVAL 30 MINUTE AS silent
        FROM calls_by_minute`,
    above: 0,
    for: '5m',
    summary: 'Services that sent calls during the day have sent none for half an hour: exporter, Collector or Kafka may be down.',
  },
  {
    name: 'dead-letters',
    title: 'Telemetry cannot be read',
    sql: 'SELECT count() AS letters FROM dead_letters WHERE stored >= now() - INTERVAL 15 MINUTE',
    above: 0,
    for: '0s',
    summary: 'Records were refused: `tidewatch deadletters list` says why.',
  },
  {
    name: 'webhooks',
    title: 'Webhooks are not delivered',
    sql: `SELECT count() AS dead FROM (
          SELECT target, id, argMax(state, (attempt, updated)) AS newest FROM webhook_deliveries
          WHERE updated >= now() - INTERVAL 1 HOUR GROUP BY target, id
        ) WHERE newest = 'dead'`,
    above: 0,
    for: '0s',
    summary: 'Alerts were given up: `tidewatch webhooks list --state dead`, then `tidewatch webhooks replay`.',
  },
]

/** The provisioning file `alerting/tidewatch.yaml` as a plain object. Its data source is the provisioned one. */
export function alerting(): unknown {
  return {
    apiVersion: 1,
    contactPoints: [
      {
        orgId: 1,
        name: 'tidewatch-health',
        receivers: [{ uid: 'tidewatch-health', type: 'webhook', settings: { url: '$TIDEWATCH_HEALTH_WEBHOOK', httpMethod: 'POST' } }],
      },
    ],
    groups: [{ orgId: 1, name: 'Tidewatch health', folder: 'Tidewatch', interval: '1m', rules: rules.map(rule) }],
  }
}

function rule({ name, title, sql, above, for: duration, summary }: Health): unknown {
  const range = { from: 86_400, to: 0 }
  return {
    uid: `tidewatch-${name}`,
    title: `Tidewatch: ${title}`,
    condition: 'C',
    for: duration,
    noDataState: 'Alerting',
    execErrState: 'Error',
    annotations: { summary },
    labels: { product: 'tidewatch' },
    notification_settings: { receiver: 'tidewatch-health' },
    data: [
      {
        refId: 'A',
        datasourceUid: 'tidewatch-clickhouse',
        relativeTimeRange: range,
        model: { refId: 'A', editorType: 'sql', format: 1, rawSql: sql.replaceAll(/\n\s*/g, '\n') },
      },
      {
        refId: 'B',
        datasourceUid: '__expr__',
        relativeTimeRange: range,
        model: { refId: 'B', type: 'reduce', expression: 'A', reducer: 'last' },
      },
      {
        refId: 'C',
        datasourceUid: '__expr__',
        relativeTimeRange: range,
        model: { refId: 'C', type: 'threshold', expression: 'B', conditions: [{ evaluator: { type: 'gt', params: [above] } }] },
      },
    ],
  }
}
