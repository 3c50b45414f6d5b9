import type { Reader } from './reads.ts'

/** Training runs from what their samples and updates say. */

const mostSources = 200
const mostClasses = 30
const mostClients = 80
const mostRounds = 200

export interface RunRow {
  readonly run: string
  readonly service: string
  readonly first: string
  readonly last: string
  readonly samples: number
  readonly sources: number
  readonly rounds: number
  readonly clients: number
  readonly openIncidents: number
}

export function readRuns(store: Reader): Promise<RunRow[]> {
  return store.query<RunRow & Record<string, unknown>>(
    `SELECT toString(t.run) AS run, min(toString(t.service)) AS service, formatDateTime(min(t.time), '%FT%TZ') AS first,
            formatDateTime(max(t.time), '%FT%TZ') AS last, sum(t.sample) AS samples, uniqExactIf(t.name, t.sample = 1) AS sources,
            uniqExactIf(t.round, t.sample = 0) AS rounds, uniqExactIf(t.name, t.sample = 0) AS clients, any(ifNull(cases.open, 0)) AS openIncidents
     FROM (
       SELECT run, service, time, 1 AS sample, toString(source) AS name, toUInt64(0) AS round FROM training_samples
       UNION ALL SELECT run, service, time, 0, toString(client), ifNull(round, 0) FROM training_updates
     ) AS t
     LEFT JOIN (SELECT toString(run) AS run, count() AS open FROM incidents FINAL WHERE status != 'resolved' GROUP BY run) AS cases
       ON cases.run = toString(t.run)
     GROUP BY run ORDER BY last DESC LIMIT 200`,
    {},
  )
}

/** Who delivered what of a run, and what its clients sent in each round. */
export async function readRun(store: Reader, run: string) {
  const [sources, updates] = await Promise.all([
    store.query<{ source: string; samples: number; shards: number; unlike: number; loss: number | null }>(
      `SELECT toString(source) AS source, count() AS samples, uniqExact(shard) AS shards,
              countIf(label != predicted AND predicted != '' AND label != '') / greatest(1, countIf(predicted != '' AND label != '')) AS unlike,
              avgIf(loss, isFinite(loss)) AS loss
       FROM training_samples WHERE run = {run:String} GROUP BY source ORDER BY unlike DESC, samples DESC LIMIT ${mostSources}`,
      { run },
    ),
    store.query<{ round: number; client: string; norm: number | null; samples: number | null }>(
      `SELECT ifNull(round, 0) AS round, toString(client) AS client, if(isFinite(max(norm)), max(norm), NULL) AS norm, max(samples) AS samples
       FROM training_updates WHERE run = {run:String}
         AND client IN (SELECT client FROM training_updates WHERE run = {run:String} GROUP BY client ORDER BY max(norm) DESC LIMIT ${mostClients})
         AND round IN (SELECT round FROM training_updates WHERE run = {run:String} GROUP BY round ORDER BY round DESC LIMIT ${mostRounds})
       GROUP BY round, client ORDER BY round, client`,
      { run },
    ),
  ])
  return { run, sources, updates }
}

/** What a source's labels say against what the model says, beside the same of all other sources: shares of the rows of a label. */
export async function readConfusion(store: Reader, run: string, source: string) {
  const cells = await store.query<{ label: string; predicted: string; own: number; others: number }>(
    `SELECT toString(label) AS label, toString(predicted) AS predicted, countIf(source = {source:String}) AS own, countIf(source != {source:String}) AS others
     FROM training_samples WHERE run = {run:String} AND label != '' AND predicted != ''
       AND label IN (SELECT label FROM training_samples WHERE run = {run:String} GROUP BY label ORDER BY count() DESC LIMIT ${mostClasses})
     GROUP BY label, predicted ORDER BY label, predicted`,
    { run, source },
  )
  const classes = [...new Set(cells.flatMap(({ label, predicted }) => [label, predicted]))].sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  )
  return { run, source, classes: classes.slice(0, mostClasses), cells }
}
