-- What people did about incidents, in the order of the log. Ids are unique, so a record that came twice is one row to whoever reads with FINAL.
CREATE TABLE IF NOT EXISTS actions {{onCluster}} (
  time DateTime64(6, 'UTC'),
  id String,
  incident String,
  kind LowCardinality(String) COMMENT 'acknowledge, silence or feedback',
  by String,
  note String,
  until Nullable(DateTime64(6, 'UTC')) COMMENT 'end of a silence',
  verdict LowCardinality(String) COMMENT 'of feedback: true, false or benign',
  stored DateTime('UTC') DEFAULT now()
)
ENGINE = {{engine}}ReplacingMergeTree
ORDER BY (incident, time, id)
SETTINGS merge_with_ttl_timeout = 86400;
