import type { Span } from './read-principals.ts'
import type { Reader } from './reads.ts'

export interface ModelRow {
  readonly name: string
  readonly environment: string
  readonly service: string
  readonly calls: number
  readonly errors: number
  readonly principals: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly meanMilliseconds: number
  readonly last: string
  readonly openIncidents: number
  /** Calls of each of the 48 steps of the span, oldest first. */
  readonly steps: readonly number[]
}

const parts = 48
const newest = '(SELECT max(minute) FROM calls_by_minute)'

/** Models by calls. */
export async function readModels(store: Reader, { days }: Span): Promise<ModelRow[]> {
  const [models, steps] = await Promise.all([
    store.query<Omit<ModelRow, 'steps'>>(
      `SELECT toString(t.model_name) AS name, toString(t.environment) AS environment, toString(t.service) AS service, sum(t.calls) AS calls,
              sum(t.errors) AS errors, uniqCombinedMerge(12)(t.principals) AS principals, sum(t.input_tokens) AS inputTokens,
              sum(t.output_tokens) AS outputTokens, sum(t.duration_micros) / 1000 / greatest(1, sum(t.calls)) AS meanMilliseconds,
              formatDateTime(max(t.minute), '%FT%TZ') AS last, any(ifNull(cases.open, 0)) AS openIncidents
       FROM calls_by_minute AS t
       LEFT JOIN (SELECT toString(model) AS model, count() AS open FROM incidents FINAL WHERE status != 'resolved' GROUP BY model) AS cases
         ON cases.model = toString(t.model_name)
       WHERE t.minute > ${newest} - toIntervalDay({days:UInt32})
       GROUP BY name, environment, service ORDER BY sum(t.calls) DESC LIMIT 500`,
      { days },
    ),
    store.query<{ name: string; environment: string; service: string; step: number; calls: number }>(
      `SELECT toString(t.model_name) AS name, toString(t.environment) AS environment, toString(t.service) AS service,
              intDiv(toUnixTimestamp(${newest}) - toUnixTimestamp(t.minute), {seconds:UInt32}) AS step, sum(t.calls) AS calls
       FROM calls_by_minute AS t WHERE t.minute > ${newest} - toIntervalDay({days:UInt32})
       GROUP BY name, environment, service, step`,
      { days, seconds: (days * 86_400) / parts },
    ),
  ])
  const byModel = new Map<string, number[]>()
  const keyOf = (row: { name: string; environment: string; service: string }) => JSON.stringify([row.name, row.environment, row.service])
  for (const row of steps) {
    const line = byModel.get(keyOf(row)) ?? new Array<number>(parts).fill(0)
    line[parts - 1 - Math.min(parts - 1, row.step)] += row.calls
    byModel.set(keyOf(row), line)
  }
  return models.map((model) => ({ ...model, steps: byModel.get(keyOf(model)) ?? [] }))
}
