-- Which dead letters were put into the log again, by whom and when. One row a letter to whoever reads with FINAL.
CREATE TABLE IF NOT EXISTS dead_letter_replays {{onCluster}} (
  letter String COMMENT 'topic:epoch:partition:offset:index of the dead letter',
  time DateTime64(6, 'UTC'),
  by String,
  stored DateTime('UTC') DEFAULT now()
)
ENGINE = {{engine}}ReplacingMergeTree
ORDER BY letter
SETTINGS merge_with_ttl_timeout = 86400;
