import type { Board } from '../board.ts'
import { lines, newestRecord, number, table } from '../panels.ts'

/** Whether Tidewatch itself is well. */
export const pipeline: Board = {
  name: 'pipeline',
  title: 'Pipeline',
  description: 'Rates, lag, dead letters, webhook deliveries, and the parts of the store.',
  choices: [],
  panels: [
    newestRecord(6),
    number({
      title: 'Dead letters',
      description: 'Records, or events of one, that could not be used.',
      sql: 'SELECT count() AS letters FROM dead_letters WHERE $__timeFilter(stored)',
      empty: '0',
      width: 6,
    }),
    number({
      title: 'Webhooks not delivered',
      description: 'Whose newest state is pending, attempted or dead.',
      sql: `SELECT count() AS waiting FROM (
          SELECT target, id, argMax(state, (attempt, updated)) AS newest FROM webhook_deliveries WHERE $__timeFilter_ms(updated) GROUP BY target, id
        ) WHERE newest != 'delivered'`,
      empty: '0',
      width: 6,
    }),
    number({
      title: 'Active parts',
      description: 'Of all tables. Some hundreds are healthy; ClickHouse slows inserts down at about a thousand in one partition.',
      sql: 'SELECT count() AS parts FROM system.parts WHERE active AND database = currentDatabase() AND modification_time <= $__toTime',
      empty: 'Not readable for this user',
      width: 6,
    }),
    lines({
      title: 'Records stored',
      description: 'Records of the logs (export requests, ticks of the clock) whose range is stored, by topic.',
      sql: `SELECT $__timeInterval(stored) AS time, topic, sum(last - first + 1) AS records FROM ranges
        WHERE $__timeFilter(stored) GROUP BY time, topic ORDER BY time`,
      empty: 'Nothing was stored in this time',
      width: 12,
      min: 0,
    }),
    lines({
      title: 'Lag',
      description:
        'From the end of a minute to the storing of its last call, 95 of 100 minutes. Includes the exporter’s own waiting; replayed files lag by their age.',
      sql: `SELECT $__timeInterval(minute) AS time, quantile(0.95)(greatest(0, dateDiff('second', minute + 60, calls_by_minute.stored))) AS seconds
        FROM calls_by_minute WHERE $__timeFilter(minute) GROUP BY time ORDER BY time`,
      unit: 's',
      empty: 'No calls in this time',
      width: 12,
      min: 0,
    }),
    table({
      title: 'Dead letters by reason',
      description: '`tidewatch deadletters list` shows the records, and puts them into the log again when the cause is mended.',
      sql: `SELECT code, reason, topic, count() AS letters, max(stored) AS last FROM dead_letters WHERE $__timeFilter(stored)
        GROUP BY code, reason, topic ORDER BY letters DESC LIMIT 50`,
      empty: 'None in this time',
      width: 12,
    }),
    table({
      title: 'Webhook deliveries',
      description: 'By target and newest state.',
      sql: `SELECT target, newest AS state, count() AS deliveries, max(attempts) AS most_attempts, max(last) AS last_change FROM (
          SELECT target, id, argMax(state, (attempt, updated)) AS newest, max(attempt) AS attempts, max(updated) AS last
          FROM webhook_deliveries WHERE $__timeFilter_ms(updated) GROUP BY target, id
        ) GROUP BY target, state ORDER BY target, state`,
      empty: 'No alert had to be sent in this time',
      width: 12,
    }),
    table({
      title: 'Logs',
      description: 'What of each partition is stored.',
      sql: `SELECT topic, partition, min(first) AS first_offset, max(last) AS last_offset, max(stored) AS newest
        FROM ranges WHERE $__timeFilter(stored) GROUP BY topic, epoch, partition ORDER BY topic, partition`,
      empty: 'Nothing was stored in this time',
      width: 12,
    }),
    lines({
      title: 'Observations',
      description: 'What the detectors said, by detector: where a detector falls silent, its input did.',
      sql: `SELECT $__timeInterval(stored) AS time, detector, count() AS observations FROM observations
        WHERE $__timeFilter(stored) GROUP BY time, detector ORDER BY time`,
      empty: 'No detector said anything in this time',
      width: 12,
      min: 0,
    }),
  ],
}
