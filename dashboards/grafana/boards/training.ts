import type { Board } from '../board.ts'
import { lines, table, toIncident } from '../panels.ts'
import { chosen } from '../query.ts'

const ofRun = `run = \${run:singlequote} AND $__timeFilter_ms(time)${chosen({ environment: 'environment' })}`
const sendSamples = 'No samples: send tidewatch.training.sample records (tidewatch/sdk does)'
const sendUpdates = 'No federated updates: send tidewatch.training.update records (tidewatch/sdk does)'

/** Which source or client bends a training run. */
export const training: Board = {
  name: 'training',
  title: 'Training',
  description: 'One run: its sources, their labels and losses, its clients round by round.',
  choices: ['run'],
  panels: [
    table({
      title: 'Incidents of the run',
      description: 'Who is named, newest first.',
      sql: `SELECT time, severity, status, subject_kind, subject, title, p_value, incident FROM incidents FINAL WHERE ${ofRun} ORDER BY time DESC LIMIT 50`,
      empty: 'Nobody is named in this run',
      width: 24,
      links: [toIncident],
      height: 6,
    }),
    table({
      title: 'Sources',
      description: 'Samples seen, share whose label the model did not predict, mean loss.',
      sql: `SELECT source, count() AS samples, uniqExact(shard) AS shards, avg(label != predicted) AS mismatch, avg(loss) AS mean_loss
        FROM training_samples WHERE ${ofRun} GROUP BY source ORDER BY mismatch DESC LIMIT 200`,
      empty: sendSamples,
      width: 12,
    }),
    table({
      title: 'Label flips',
      description: 'Pairs of predicted and given label by source, most frequent first: a directed flip stands out of its class.',
      sql: `SELECT source, predicted, label AS given, count() AS samples FROM training_samples
        WHERE ${ofRun} AND label != predicted GROUP BY source, predicted, given ORDER BY samples DESC LIMIT 100`,
      empty: 'Every sample is predicted as it is labelled, or no samples are sent',
      width: 12,
    }),
    lines({
      title: 'Loss by source',
      description: 'Mean loss of a sample before the step that learns from it.',
      sql: `SELECT $__timeInterval_ms(time) AS time, source, avg(loss) AS loss FROM training_samples
        WHERE run = \${run:singlequote} AND $__timeFilter_ms(training_samples.time)${chosen({ environment: 'environment' })}
        GROUP BY time, source ORDER BY time`,
      empty: sendSamples,
      width: 12,
    }),
    lines({
      title: 'Drift by source',
      description: 'What the detectors of poisoning say of each source or client (score; the unit is on the detector’s page).',
      sql: `SELECT $__timeInterval_ms(time) AS time, concat(detector, ' ', subject) AS who, max(score) AS score FROM observations
        WHERE category = 'poisoning' AND run = \${run:singlequote} AND $__timeFilter_ms(observations.time)${chosen({ environment: 'environment' })}
        GROUP BY time, who ORDER BY time`,
      empty: 'No scores yet: sources are compared once a part of an epoch is seen',
      width: 12,
    }),
    lines({
      title: 'Update norms',
      description: 'L2 norm of each client’s update.',
      sql: `SELECT time, client, norm FROM training_updates WHERE ${ofRun} ORDER BY time LIMIT 20000`,
      empty: sendUpdates,
      width: 12,
      points: true,
    }),
    table({
      title: 'Clients',
      description: 'Rounds taken part in, and the size of their updates against the run’s median.',
      sql: `WITH (SELECT quantileExact(0.5)(norm) FROM training_updates WHERE ${ofRun}) AS usual
        SELECT client, count() AS rounds, sum(samples) AS examples, quantileExact(0.5)(norm) / usual AS relative_norm
        FROM training_updates WHERE ${ofRun} GROUP BY client ORDER BY relative_norm DESC LIMIT 200`,
      empty: sendUpdates,
      width: 12,
    }),
  ],
}
