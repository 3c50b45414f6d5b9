-- The same incidents in blocks small enough that a page of fifty texts is a short read among a hundred thousand of them (with the
-- engine's default of 8192 rows a block, it read all texts), and with the incidents that each refers to as a column.
-- `incidents` holds nothing that `alerts` does not: it is made anew. The view is back before the rows are, so that no alert is missed.
DROP TABLE IF EXISTS incidents_view {{onCluster}} SYNC;

DROP TABLE IF EXISTS incidents {{onCluster}} SYNC;

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
  related Array(String) COMMENT 'incidents that it refers to',
  alert String CODEC(ZSTD(3)),
  stored DateTime('UTC')
)
ENGINE = {{engine}}ReplacingMergeTree(version)
ORDER BY incident
SETTINGS merge_with_ttl_timeout = 86400, index_granularity = 128;

CREATE MATERIALIZED VIEW IF NOT EXISTS incidents_view {{onCluster}} TO incidents AS
SELECT
  incident,
  toUInt64(toUnixTimestamp64Micro(time)) * 4 + indexOf(['opened', 'updated', 'resolved'], toString(status)) AS version,
  time, id, status, opened, detector, detectors, category, severity, title, subject_kind, subject, member_kinds, members,
  model, service, environment, run, window_start, window_end, window_events, score, threshold, p_value,
  arrayMap(one -> JSONExtractString(one, 'incident'), JSONExtractArrayRaw(alert, 'related')) AS related,
  alert, stored
FROM alerts;

INSERT INTO incidents
SELECT
  incident,
  toUInt64(toUnixTimestamp64Micro(time)) * 4 + indexOf(['opened', 'updated', 'resolved'], toString(status)) AS version,
  time, id, status, opened, detector, detectors, category, severity, title, subject_kind, subject, member_kinds, members,
  model, service, environment, run, window_start, window_end, window_events, score, threshold, p_value,
  arrayMap(one -> JSONExtractString(one, 'incident'), JSONExtractArrayRaw(alert, 'related')) AS related,
  alert, stored
FROM alerts;
