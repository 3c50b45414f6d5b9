-- One row a model call. Rows are never changed; repeats are kept out by the deduplication token of the insert.
--
-- Partitions are weeks, so that rows which expire together lie together; counted modulo 64, so that one insert makes 64 parts at most
-- whatever times a file holds (the engine skips parts by the times in them, not by the number). The partition depends on the row alone:
-- a repeated insert meets the same partitions, which its token needs.
-- `stored` is the only column that differs between two runs over the same log. Retention counts from it and not from `time`, which is
-- whatever a producer's clock says: a call dated 2099 must not stay until then, and an old file must not vanish while it is read.
-- TTL and deduplication window of every table are set from the configuration, see settings.ts.
CREATE TABLE IF NOT EXISTS calls {{onCluster}} (
  time DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  duration_micros UInt64 CODEC(T64, ZSTD(1)),
  trace_id String CODEC(ZSTD(1)),
  span_id String CODEC(ZSTD(1)),
  dialect LowCardinality(String),
  service LowCardinality(String),
  environment LowCardinality(String),
  principal String CODEC(ZSTD(1)),
  principal_kind LowCardinality(String),
  principal_source LowCardinality(String),
  principal_last_resort Bool,
  credential String CODEC(ZSTD(1)),
  link_kinds Array(LowCardinality(String)),
  link_values Array(String) CODEC(ZSTD(1)),
  model LowCardinality(String) COMMENT 'environment/namespace/service/name',
  model_name LowCardinality(String),
  model_version LowCardinality(String),
  model_digest LowCardinality(String),
  model_namespace LowCardinality(String),
  request_model LowCardinality(String),
  provider LowCardinality(String),
  operation LowCardinality(String),
  input_tokens Nullable(UInt64) CODEC(T64, ZSTD(1)),
  output_tokens Nullable(UInt64) CODEC(T64, ZSTD(1)),
  request_max_tokens Nullable(UInt64) CODEC(T64, ZSTD(1)),
  request_temperature Nullable(Float64) CODEC(ZSTD(1)),
  request_top_p Nullable(Float64) CODEC(ZSTD(1)),
  request_logprobs Nullable(Bool),
  request_top_logprobs Nullable(UInt64) CODEC(T64, ZSTD(1)),
  request_logit_bias_count Nullable(UInt64) CODEC(T64, ZSTD(1)),
  prediction_label LowCardinality(String),
  prediction_confidence Nullable(Float64) CODEC(ZSTD(1)),
  prediction_margin Nullable(Float64) CODEC(ZSTD(1)),
  prediction_entropy_nats Nullable(Float64) CODEC(ZSTD(1)),
  finish_reason LowCardinality(String),
  error Bool,
  error_type LowCardinality(String),
  stream Nullable(Bool),
  sampling_ratio Nullable(Float64) CODEC(ZSTD(1)),
  fingerprint String COMMENT '64-bit SimHash of the input, 16 hex digits' CODEC(ZSTD(1)),
  skeleton String COMMENT 'hash of the masked input, 16 hex digits' CODEC(ZSTD(1)),
  embedding_dimensions UInt32 CODEC(T64, ZSTD(1)),
  activation_layer LowCardinality(String),
  activation_dimensions UInt32 CODEC(T64, ZSTD(1)),
  injection_score Nullable(Float64) CODEC(ZSTD(1)),
  conversation String CODEC(ZSTD(1)),
  possible_duplicate Bool,
  content String CODEC(ZSTD(3)),
  topic LowCardinality(String),
  epoch LowCardinality(String),
  partition UInt32 CODEC(T64, ZSTD(1)),
  offset UInt64 CODEC(Delta, ZSTD(1)),
  event_index UInt32 CODEC(T64, ZSTD(1)),
  stored DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1)),
  INDEX by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 4,
  INDEX by_offset offset TYPE minmax GRANULARITY 4
)
ENGINE = {{engine}}MergeTree
PARTITION BY intDiv(toUnixTimestamp(time), 604800) % 64
-- `time` itself must not be in the primary key: its range would be looked for there, in the last place, and not in the day.
PRIMARY KEY (toDate(time), model, principal)
ORDER BY (toDate(time), model, principal, time)
SETTINGS merge_with_ttl_timeout = 86400;

-- Counts a minute and model. Everything is a whole number or a mergeable state, so the result does not depend on the order of merges.
CREATE TABLE IF NOT EXISTS calls_by_minute {{onCluster}} (
  minute DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
  environment LowCardinality(String),
  service LowCardinality(String),
  model LowCardinality(String),
  model_name LowCardinality(String),
  calls SimpleAggregateFunction(sum, UInt64),
  errors SimpleAggregateFunction(sum, UInt64),
  input_tokens SimpleAggregateFunction(sum, UInt64),
  output_tokens SimpleAggregateFunction(sum, UInt64),
  logprobs_calls SimpleAggregateFunction(sum, UInt64),
  logit_bias_calls SimpleAggregateFunction(sum, UInt64),
  unattributed_calls SimpleAggregateFunction(sum, UInt64),
  duration_micros SimpleAggregateFunction(sum, UInt64),
  max_duration_micros SimpleAggregateFunction(max, UInt64),
  principals AggregateFunction(uniqCombined(12), String),
  fingerprints AggregateFunction(uniqCombined(12), String),
  stored SimpleAggregateFunction(max, DateTime('UTC'))
)
ENGINE = {{engine}}AggregatingMergeTree
PARTITION BY intDiv(toUnixTimestamp(minute), 604800) % 64
ORDER BY (minute, environment, service, model, model_name)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE MATERIALIZED VIEW IF NOT EXISTS calls_by_minute_view {{onCluster}} TO calls_by_minute AS
SELECT
  toStartOfMinute(toDateTime(time, 'UTC')) AS minute,
  environment,
  service,
  model,
  model_name,
  count() AS calls,
  countIf(error) AS errors,
  sum(ifNull(input_tokens, 0)) AS input_tokens,
  sum(ifNull(output_tokens, 0)) AS output_tokens,
  countIf(ifNull(request_logprobs, false)) AS logprobs_calls,
  countIf(ifNull(request_logit_bias_count, 0) > 0) AS logit_bias_calls,
  countIf(principal = '') AS unattributed_calls,
  sum(calls.duration_micros) AS duration_micros,
  max(calls.duration_micros) AS max_duration_micros,
  uniqCombinedStateIf(12)(principal, principal != '') AS principals,
  uniqCombinedStateIf(12)(fingerprint, fingerprint != '') AS fingerprints,
  max(calls.stored) AS stored
FROM calls
GROUP BY minute, environment, service, model, model_name;

-- Counts a minute, principal and model. Sorted by day first: one principal's month and everybody's last day are both short reads.
CREATE TABLE IF NOT EXISTS principals_by_minute {{onCluster}} (
  minute DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
  principal String CODEC(ZSTD(1)),
  environment LowCardinality(String),
  service LowCardinality(String),
  model LowCardinality(String),
  model_name LowCardinality(String),
  calls SimpleAggregateFunction(sum, UInt64),
  errors SimpleAggregateFunction(sum, UInt64),
  input_tokens SimpleAggregateFunction(sum, UInt64),
  output_tokens SimpleAggregateFunction(sum, UInt64),
  logprobs_calls SimpleAggregateFunction(sum, UInt64),
  logit_bias_calls SimpleAggregateFunction(sum, UInt64),
  fingerprints AggregateFunction(uniqCombined(12), String),
  skeletons AggregateFunction(uniqCombined(12), String),
  stored SimpleAggregateFunction(max, DateTime('UTC'))
)
ENGINE = {{engine}}AggregatingMergeTree
PARTITION BY intDiv(toUnixTimestamp(minute), 604800) % 64
PRIMARY KEY (toDate(minute), principal, model)
ORDER BY (toDate(minute), principal, model, minute, environment, service, model_name)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE MATERIALIZED VIEW IF NOT EXISTS principals_by_minute_view {{onCluster}} TO principals_by_minute AS
SELECT
  toStartOfMinute(toDateTime(time, 'UTC')) AS minute,
  principal,
  environment,
  service,
  model,
  model_name,
  count() AS calls,
  countIf(error) AS errors,
  sum(ifNull(input_tokens, 0)) AS input_tokens,
  sum(ifNull(output_tokens, 0)) AS output_tokens,
  countIf(ifNull(request_logprobs, false)) AS logprobs_calls,
  countIf(ifNull(request_logit_bias_count, 0) > 0) AS logit_bias_calls,
  uniqCombinedStateIf(12)(fingerprint, fingerprint != '') AS fingerprints,
  uniqCombinedStateIf(12)(skeleton, skeleton != '') AS skeletons,
  max(calls.stored) AS stored
FROM calls
GROUP BY minute, principal, environment, service, model, model_name;

CREATE TABLE IF NOT EXISTS tool_calls {{onCluster}} (
  time DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  duration_micros UInt64 CODEC(T64, ZSTD(1)),
  trace_id String CODEC(ZSTD(1)),
  span_id String CODEC(ZSTD(1)),
  service LowCardinality(String),
  environment LowCardinality(String),
  principal String CODEC(ZSTD(1)),
  principal_kind LowCardinality(String),
  principal_source LowCardinality(String),
  principal_last_resort Bool,
  agent LowCardinality(String),
  tool LowCardinality(String),
  conversation String CODEC(ZSTD(1)),
  error Bool,
  injection_score Nullable(Float64) CODEC(ZSTD(1)),
  topic LowCardinality(String),
  epoch LowCardinality(String),
  partition UInt32 CODEC(T64, ZSTD(1)),
  offset UInt64 CODEC(Delta, ZSTD(1)),
  event_index UInt32 CODEC(T64, ZSTD(1)),
  stored DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1)),
  INDEX by_offset offset TYPE minmax GRANULARITY 4
)
ENGINE = {{engine}}MergeTree
PARTITION BY intDiv(toUnixTimestamp(time), 604800) % 64
PRIMARY KEY (toDate(time), tool, principal)
ORDER BY (toDate(time), tool, principal, time)
SETTINGS merge_with_ttl_timeout = 86400;
