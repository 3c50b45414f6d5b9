import type { Store } from '../../src/store/store.ts'

/** Rows of one insert. */
const block = 1_000_000

/** Days over which the calls lie. */
export const days = 29

export interface BigStore {
  readonly principal: string
  readonly run: string
}

/**
 * Fills a store with that many calls of 50,000 principals, nine in ten to the model that is its own of 12, over 29 days up to `end` (seconds), and with what belongs to so
 * many: an observation for every ten calls, incidents, training samples and updates, metric points, deliveries, dead letters, ranges.
 * Everything is made in the engine, through the same tables and views as when the pipeline writes.
 */
export async function insertCalls(store: Pick<Store, 'command'>, count: number, end: number): Promise<BigStore> {
  const seconds = days * 86_400
  for (let from = 0; from < count; from += block) {
    const rows = Math.min(block, count - from)
    // A block has a stretch of time, as when it is written while calls come in.
    await store.command(callsSql(rows, end - seconds + (from / count) * seconds, (rows / count) * seconds, from))
    await store.command(observationsSql(Math.ceil(rows / 10), end - seconds + (from / count) * seconds, (rows / count) * seconds))
  }
  for (const sql of others(end)) await store.command(sql)
  return { principal: 'user-00042', run: 'run-7' }
}

const principal = (random: string) => `concat('user-', leftPad(toString(toUInt32(50000 * pow(${random} / 4294967296, 3))), 5, '0'))`

function callsSql(rows: number, from: number, seconds: number, seed: number): string {
  return `INSERT INTO calls (time, stored, duration_micros, trace_id, span_id, dialect, service, environment, principal, principal_kind, principal_source,
      model, model_name, provider, operation, input_tokens, output_tokens, finish_reason, error, fingerprint, skeleton, topic, epoch, offset)
    WITH number + ${seed} AS n, rand32(n) AS r, rand32(n + 1) AS s, ${principal('s')} AS account,
      if(r % 10 = 0, r, cityHash64(account)) % 12 AS which, concat('model-', toString(which)) AS name,
      toDateTime64(${from} + number * ${seconds / rows}, 6, 'UTC') AS at
    SELECT at, at + 2, 200000 + s % 3000000, lower(hex(sipHash128(n))), lower(hex(sipHash64(n))), 'genai', 'gateway', ['production', 'staging'][which < 10 ? 1 : 2],
      if(r % 97 = 0, '', account), 'human', 'user.id', concat('production//gateway/', name), name, 'openai', 'chat', 20 + r % 3000, s % 900,
      'stop', s % 200 = 0, lower(hex(sipHash64(r % 4000000))), lower(hex(sipHash64(r % 40000))), 'otlp_spans', 'e', n
    FROM numbers(${rows})`
}

function observationsSql(rows: number, from: number, seconds: number): string {
  return `INSERT INTO observations (time, stored, detector, category, subject_kind, subject, population, model, service, environment, run, score, p_value,
      ref, events, first_seen, last_seen, evidence)
    WITH rand32(number) AS r, rand32(number + 1) AS s,
      concat('model-', toString(r % 12)) AS name,
      ['volume-and-breadth', 'query-shift', 'synthetic-queries', 'activation-ood', 'activation-ood', 'label-flip', 'update-outlier', 'series-anomaly'][s % 8 + 1] AS who,
      ['extraction', 'extraction', 'extraction', 'activation', 'activation', 'poisoning', 'poisoning', 'signal'][s % 8 + 1] AS kind,
      toDateTime64(${from} + number * ${seconds / rows}, 6, 'UTC') AS at, ${principal('s')} AS account
    SELECT at, at + 2, who, kind, if(kind = 'poisoning', 'source', 'principal'), if(kind = 'poisoning', concat('source-', toString(r % 20)), account),
      concat('production/', name), name, 'gateway', 'production', if(kind = 'poisoning', concat('run-', toString(r % 40)), ''), r / 1e9, s / 4294967296,
      lower(hex(sipHash64(number))), 40, at - 3600, at, concat('{"label":"class-', toString(r % 10), '","principal":"', account, '"}')
    FROM numbers(${rows})`
}

/** What comes beside the calls; each over the same 29 days. */
function others(end: number): string[] {
  const at = (rows: number) => `toDateTime64(${end} - number * ${(days * 86_400) / rows}, 6, 'UTC')`
  const rows = {
    samples: 1_000_000,
    updates: 200_000,
    points: 2_000_000,
    deliveries: 20_000,
    letters: 20_000,
    ranges: 250_000,
    actions: 2_000,
  }
  return [
    `INSERT INTO training_samples (time, stored, service, environment, run, step, source, shard, shard_digest, sample, label, predicted, loss)
      WITH rand32(number) AS r, ${at(rows.samples)} AS at
      SELECT at, at + 2, 'trainer', 'production', concat('run-', toString(number % 40)), number, concat('source-', toString(r % 20)), concat('shard-', toString(r % 80)), '',
        toString(number), concat('class-', toString(r % 10)), concat('class-', toString((r + (r % 50 = 0)) % 10)), r / 4294967296 FROM numbers(${rows.samples})`,
    `INSERT INTO training_updates (time, stored, service, environment, run, round, client, norm, samples)
      WITH rand32(number) AS r, ${at(rows.updates)} AS at
      SELECT at, at + 2, 'federation', 'production', concat('run-', toString(number % 40)), intDiv(number, 4000), concat('client-', toString(r % 100)), 1 + r / 4294967296, 100
      FROM numbers(${rows.updates})`,
    `INSERT INTO metric_points (time, stored, service, environment, metric, series, unit, layer, point_kind, value)
      WITH ['tidewatch.activation.norm', 'tidewatch.activation.zero_ratio', 'tidewatch.activation.std', 'tidewatch.activation.nonfinite', 'tidewatch.training.loss',
        'tidewatch.training.grad_norm', 'queue.length', 'gpu.temperature'][number % 8 + 1] AS name, concat('layer-', toString(intDiv(number, 8) % 24)) AS of, ${at(rows.points)} AS at
      SELECT at, at + 2, 'trainer', 'production', name, concat(name, '{layer=', of, '}'), '1', of, 'gauge', rand32(number) / 4294967296 FROM numbers(${rows.points})`,
    `INSERT INTO webhook_deliveries (id, target, state, attempt, incident, created, ordinal, body, updated, http_status, reason, stored)
      WITH ${at(rows.deliveries)} AS at
      SELECT concat('alert_', toString(number)), 'soc', if(number % 50 = 0, 'dead', 'delivered'), 1, concat('inc_', toString(number)), at, 0, '', at + 1, 204, '', at + 1 FROM numbers(${rows.deliveries})`,
    `INSERT INTO dead_letters (time, stored, code, reason, signal, bytes_base64, size_bytes, topic, epoch, partition, offset)
      WITH ${at(rows.letters)} AS at
      SELECT at, at + 2, 'TW_TELEMETRY_MALFORMED', concat('not protobuf at ', toString(number % 20)), 'traces', repeat('A', 400), 300, 'otlp_spans', 'e', 0, number FROM numbers(${rows.letters})`,
    `INSERT INTO ranges (topic, epoch, partition, first, last, stored)
      SELECT 'otlp_spans', 'e', number % 6, number * 40, number * 40 + 39, ${at(rows.ranges)} FROM numbers(${rows.ranges})`,
    `INSERT INTO actions (time, id, incident, kind, by, note, verdict)
      SELECT ${at(rows.actions)}, toString(number), toString(number), 'feedback', 'ops', '', if(number % 2 = 0, 'false', 'true') FROM numbers(${rows.actions})`,
  ]
}
