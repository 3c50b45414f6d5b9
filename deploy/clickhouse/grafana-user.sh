#!/usr/bin/env bash
# Runs once, when the server's data folder is new: a user for Grafana that can read and nothing else.
set -euo pipefail

hash=$(printf %s "$GRAFANA_CLICKHOUSE_PASSWORD" | sha256sum | cut -d' ' -f1)
# readonly = 2: settings such as max_execution_time may be changed, which the data source does; writing may not.
clickhouse client --user "$CLICKHOUSE_USER" --password "$CLICKHOUSE_PASSWORD" --multiquery --query "
  CREATE USER IF NOT EXISTS grafana IDENTIFIED WITH sha256_hash BY '$hash' SETTINGS readonly = 2, max_execution_time = 30 CHANGEABLE_IN_READONLY;
  GRANT SELECT ON tidewatch.* TO grafana;
"
