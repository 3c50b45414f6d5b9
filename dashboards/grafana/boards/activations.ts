import type { Board } from '../board.ts'
import { lines, table, toIncident, toPrincipal } from '../panels.ts'
import { chosen } from '../query.ts'

const ofObservations = `detector = 'activation-ood' AND p_value IS NOT NULL AND $__timeFilter_ms(observations.time)${chosen({ environment: 'environment', model: 'model' })}`
const ofPoints = `$__timeFilter_ms(metric_points.time)${chosen({ environment: 'environment' })}`
const sendActivations = 'No activations: send tidewatch.activation.layer and tidewatch.activation.vector with the spans'
const sendHealth = 'No layer statistics: send tidewatch.activation.* metrics (tidewatch/sdk does)'

/** Whether the insides of the models behave as they did. */
export const activations: Board = {
  name: 'activations',
  title: 'Activations',
  description: 'Calls whose activations are out of distribution, by model and class, and the health of layers in training.',
  choices: ['model'],
  panels: [
    lines({
      title: 'Out of distribution, by model',
      description: 'Share of calls whose p-value is below one per cent. Ordinary traffic lies at one per cent.',
      sql: `SELECT $__timeInterval_ms(time) AS time, model, avg(p_value < 0.01) AS share FROM observations WHERE ${ofObservations} GROUP BY time, model ORDER BY time`,
      unit: 'percentunit',
      empty: sendActivations,
      width: 12,
      min: 0,
    }),
    lines({
      title: 'Out of distribution, by class',
      description: 'The same by the label that the model gave.',
      sql: `SELECT $__timeInterval_ms(time) AS time, JSONExtractString(evidence, 'label') AS label, avg(p_value < 0.01) AS share
        FROM observations WHERE ${ofObservations} GROUP BY time, label ORDER BY time`,
      unit: 'percentunit',
      empty: sendActivations,
      width: 12,
      min: 0,
    }),
    table({
      title: 'Who sends strange inputs',
      description: 'Calls with a p-value below one in a thousand.',
      sql: `SELECT JSONExtractString(evidence, 'principal') AS principal, count() AS strange_calls, min(p_value) AS smallest_p, max(time) AS last
        FROM observations WHERE ${ofObservations} AND p_value < 0.001 GROUP BY principal ORDER BY strange_calls DESC LIMIT 50`,
      empty: 'No call so strange in this time',
      width: 12,
      links: [toPrincipal],
    }),
    table({
      title: 'Activation incidents',
      description: 'Newest first.',
      sql: `SELECT time, severity, status, subject_kind, subject, title, incident FROM incidents FINAL
        WHERE category = 'activation' AND $__timeFilter_ms(time)${chosen({ environment: 'environment' })} ORDER BY time DESC LIMIT 50`,
      empty: 'No activation incident in this time',
      width: 12,
      links: [toIncident],
    }),
    ...(
      [
        ['Norm of layers', 'norm', 'Mean L2 norm of the activations.'],
        ['Dead units', 'zero_ratio', 'Share of activations that are zero.'],
        ['Spread', 'std', 'Standard deviation of the activations: near zero, a layer says the same to every input.'],
        ['Values that are not finite', 'nonfinite', 'Any is a fault.'],
      ] as const
    ).map(([title, metric, description]) =>
      lines({
        title,
        description,
        sql: `SELECT $__timeInterval_ms(time) AS time, concat(service, ' ', layer) AS layer, avg(value) AS value
          FROM metric_points WHERE metric = 'tidewatch.activation.${metric}' AND ${ofPoints} GROUP BY time, layer ORDER BY time`,
        empty: sendHealth,
        width: 12,
      }),
    ),
    lines({
      title: 'Training loss and gradient norm',
      description: 'What the runs of this time report.',
      sql: `SELECT $__timeInterval_ms(time) AS time, concat(service, ' ', metric) AS series, avg(value) AS value FROM metric_points
        WHERE metric IN ('tidewatch.training.loss', 'tidewatch.training.grad_norm') AND ${ofPoints} GROUP BY time, series ORDER BY time`,
      empty: sendHealth,
      width: 24,
    }),
  ],
}
