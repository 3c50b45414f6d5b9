-- What a detector said of a subject, with the p-value it got.
CREATE TABLE IF NOT EXISTS observations {{onCluster}} (
  time DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  detector LowCardinality(String),
  category LowCardinality(String),
  subject_kind LowCardinality(String),
  subject String CODEC(ZSTD(1)),
  population LowCardinality(String),
  model LowCardinality(String),
  service LowCardinality(String),
  environment LowCardinality(String),
  run LowCardinality(String),
  score Float64 CODEC(ZSTD(1)),
  p_value Nullable(Float64) COMMENT 'null in warm-up' CODEC(ZSTD(1)),
  ref String CODEC(ZSTD(1)),
  trace_id String CODEC(ZSTD(1)),
  metric LowCardinality(String),
  events UInt64 CODEC(T64, ZSTD(1)),
  first_seen DateTime64(6, 'UTC') CODEC(ZSTD(1)),
  last_seen DateTime64(6, 'UTC') CODEC(ZSTD(1)),
  evidence String COMMENT 'JSON object' CODEC(ZSTD(1)),
  stored DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = {{engine}}MergeTree
PARTITION BY intDiv(toUnixTimestamp(time), 604800) % 64
PRIMARY KEY (detector, toDate(time), subject_kind, subject)
ORDER BY (detector, toDate(time), subject_kind, subject, time)
SETTINGS merge_with_ttl_timeout = 86400;

-- Every change of an incident. Ids are deterministic, so a row that came twice after all is one row to whoever reads with FINAL.
CREATE TABLE IF NOT EXISTS alerts {{onCluster}} (
  time DateTime64(6, 'UTC'),
  id String,
  incident String,
  status LowCardinality(String),
  opened DateTime64(6, 'UTC'),
  detector LowCardinality(String),
  detectors Array(LowCardinality(String)),
  category LowCardinality(String),
  severity LowCardinality(String),
  title String,
  subject_kind LowCardinality(String),
  subject String,
  member_kinds Array(LowCardinality(String)),
  members Array(String),
  model LowCardinality(String),
  service LowCardinality(String),
  environment LowCardinality(String),
  run LowCardinality(String),
  window_start DateTime64(6, 'UTC'),
  window_end DateTime64(6, 'UTC'),
  window_events UInt64,
  score Float64,
  threshold Nullable(Float64),
  p_value Nullable(Float64),
  alert String COMMENT 'the whole object as webhooks carry it' CODEC(ZSTD(3)),
  stored DateTime('UTC') DEFAULT now(),
  INDEX by_id id TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX by_incident incident TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {{engine}}ReplacingMergeTree
ORDER BY (time, id)
SETTINGS merge_with_ttl_timeout = 86400;

-- The latest state of every incident: read with FINAL, or argMax by version.
CREATE TABLE IF NOT EXISTS incidents {{onCluster}} (
  incident String,
  version UInt64 COMMENT 'microseconds of the change times 4, plus the rank of its status',
  time DateTime64(6, 'UTC'),
  id String,
  status LowCardinality(String),
  opened DateTime64(6, 'UTC'),
  detector LowCardinality(String),
  detectors Array(LowCardinality(String)),
  category LowCardinality(String),
  severity LowCardinality(String),
  title String,
  subject_kind LowCardinality(String),
  subject String,
  member_kinds Array(LowCardinality(String)),
  members Array(String),
  model LowCardinality(String),
  service LowCardinality(String),
  environment LowCardinality(String),
  run LowCardinality(String),
  window_start DateTime64(6, 'UTC'),
  window_end DateTime64(6, 'UTC'),
  window_events UInt64,
  score Float64,
  threshold Nullable(Float64),
  p_value Nullable(Float64),
  alert String CODEC(ZSTD(3)),
  stored DateTime('UTC')
)
ENGINE = {{engine}}ReplacingMergeTree(version)
ORDER BY incident
SETTINGS merge_with_ttl_timeout = 86400;

CREATE MATERIALIZED VIEW IF NOT EXISTS incidents_view {{onCluster}} TO incidents AS
SELECT
  incident,
  toUInt64(toUnixTimestamp64Micro(time)) * 4 + indexOf(['opened', 'updated', 'resolved'], toString(status)) AS version,
  time, id, status, opened, detector, detectors, category, severity, title, subject_kind, subject, member_kinds, members,
  model, service, environment, run, window_start, window_end, window_events, score, threshold, p_value, alert, stored
FROM alerts;

-- The outbox: states are appended (pending, attempted, delivered, dead); the newest counts. `body` stands in the pending row only.
CREATE TABLE IF NOT EXISTS webhook_deliveries {{onCluster}} (
  id String COMMENT 'the webhook-id',
  target LowCardinality(String),
  state LowCardinality(String),
  attempt UInt32,
  incident String,
  created DateTime64(6, 'UTC'),
  ordinal UInt32,
  body String CODEC(ZSTD(3)),
  updated DateTime64(6, 'UTC'),
  http_status UInt16,
  reason String,
  stored DateTime('UTC') DEFAULT now()
)
ENGINE = {{engine}}MergeTree
ORDER BY (target, id, attempt)
SETTINGS merge_with_ttl_timeout = 86400;
