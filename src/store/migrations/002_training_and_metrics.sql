CREATE TABLE IF NOT EXISTS training_samples {{onCluster}} (
  time DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  service LowCardinality(String),
  environment LowCardinality(String),
  run LowCardinality(String),
  step Nullable(UInt64) CODEC(T64, ZSTD(1)),
  source LowCardinality(String),
  shard LowCardinality(String),
  shard_digest LowCardinality(String),
  sample String CODEC(ZSTD(1)),
  label LowCardinality(String),
  predicted LowCardinality(String),
  loss Nullable(Float64) CODEC(ZSTD(1)),
  activation_layer LowCardinality(String),
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
ORDER BY (run, source, label, time)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE TABLE IF NOT EXISTS training_updates {{onCluster}} (
  time DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  service LowCardinality(String),
  environment LowCardinality(String),
  run LowCardinality(String),
  round Nullable(UInt64) CODEC(T64, ZSTD(1)),
  client LowCardinality(String),
  norm Nullable(Float64) CODEC(ZSTD(1)),
  samples Nullable(UInt64) CODEC(T64, ZSTD(1)),
  sketch_dimensions UInt32 CODEC(T64, ZSTD(1)),
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
ORDER BY (run, client, time)
SETTINGS merge_with_ttl_timeout = 86400;

CREATE TABLE IF NOT EXISTS metric_points {{onCluster}} (
  time DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  service LowCardinality(String),
  environment LowCardinality(String),
  metric LowCardinality(String),
  series LowCardinality(String) COMMENT 'name{k=v,...}, attributes sorted',
  unit LowCardinality(String),
  layer LowCardinality(String),
  point_kind LowCardinality(String),
  monotonic Bool,
  temporality UInt8,
  value Float64 CODEC(Gorilla, ZSTD(1)),
  count Nullable(UInt64) CODEC(T64, ZSTD(1)),
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
ORDER BY (metric, service, series, time)
SETTINGS merge_with_ttl_timeout = 86400;
