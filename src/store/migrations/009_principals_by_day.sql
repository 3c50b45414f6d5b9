-- Counts a day, principal and model: who called most in a month is found here without reading its minutes, of which there are nearly as
-- many as calls.
CREATE TABLE IF NOT EXISTS principals_by_day {{onCluster}} (
  day Date CODEC(DoubleDelta, ZSTD(1)),
  principal String CODEC(ZSTD(1)),
  environment LowCardinality(String),
  service LowCardinality(String),
  model LowCardinality(String),
  model_name LowCardinality(String),
  calls SimpleAggregateFunction(sum, UInt64),
  errors SimpleAggregateFunction(sum, UInt64),
  output_tokens SimpleAggregateFunction(sum, UInt64),
  last SimpleAggregateFunction(max, DateTime('UTC')),
  stored SimpleAggregateFunction(max, DateTime('UTC'))
)
ENGINE = {{engine}}AggregatingMergeTree
PARTITION BY intDiv(toUnixTimestamp(day), 604800) % 64
ORDER BY (day, principal, model, environment, service, model_name)
SETTINGS merge_with_ttl_timeout = 86400;

-- Made anew where it was begun before: sums must not be added twice.
TRUNCATE TABLE principals_by_day {{onCluster}};

INSERT INTO principals_by_day
SELECT toDate(minute) AS day, principal, environment, service, model, model_name, sum(p.calls) AS calls, sum(p.errors) AS errors,
  sum(p.output_tokens) AS output_tokens, max(p.minute) AS last, max(p.stored) AS stored
FROM principals_by_minute AS p
GROUP BY day, principal, environment, service, model, model_name;

CREATE MATERIALIZED VIEW IF NOT EXISTS principals_by_day_view {{onCluster}} TO principals_by_day AS
SELECT
  toDate(toDateTime(time, 'UTC')) AS day,
  principal,
  environment,
  service,
  model,
  model_name,
  count() AS calls,
  countIf(error) AS errors,
  sum(ifNull(output_tokens, 0)) AS output_tokens,
  toStartOfMinute(max(toDateTime(time, 'UTC'))) AS last,
  max(calls.stored) AS stored
FROM calls
GROUP BY day, principal, environment, service, model, model_name;
