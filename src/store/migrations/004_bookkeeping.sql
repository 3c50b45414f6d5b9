CREATE TABLE IF NOT EXISTS dead_letters {{onCluster}} (
  time DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  code LowCardinality(String),
  reason String CODEC(ZSTD(1)),
  signal LowCardinality(String),
  bytes_base64 String COMMENT 'the first bytes of the record' CODEC(ZSTD(3)),
  size_bytes UInt64 COMMENT 'of the whole record',
  topic LowCardinality(String),
  epoch LowCardinality(String),
  partition UInt32 CODEC(T64, ZSTD(1)),
  offset UInt64 CODEC(Delta, ZSTD(1)),
  event_index UInt32 CODEC(T64, ZSTD(1)),
  stored DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = {{engine}}MergeTree
PARTITION BY intDiv(toUnixTimestamp(time), 604800) % 64
ORDER BY (toDate(time), code, topic, partition, offset)
SETTINGS merge_with_ttl_timeout = 86400;

-- Detector state, newest version of a key counts. Written by the checkpointing of the detect and decide stages.
CREATE TABLE IF NOT EXISTS checkpoints {{onCluster}} (
  key String,
  version UInt64,
  checksum String,
  blob_base64 String CODEC(ZSTD(3)),
  stored DateTime('UTC') DEFAULT now()
)
ENGINE = {{engine}}ReplacingMergeTree(version)
ORDER BY key;

-- Which ranges of which log are stored; the row of a range is written after all its other rows. After a month the ranges of a log
-- are rolled up into one that covers them, so the table stays small and the place to go on from is never forgotten.
CREATE TABLE IF NOT EXISTS ranges {{onCluster}} (
  topic String,
  epoch String,
  partition UInt32,
  first UInt64,
  last UInt64,
  stored DateTime('UTC') DEFAULT now()
)
ENGINE = {{engine}}MergeTree
ORDER BY (topic, epoch, partition, first)
TTL stored + INTERVAL 30 DAY GROUP BY topic, epoch, partition SET first = min(first), last = max(last), stored = max(stored)
SETTINGS merge_with_ttl_timeout = 86400;
