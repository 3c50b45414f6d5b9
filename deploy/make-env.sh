#!/usr/bin/env bash
# Writes .env beside docker-compose.yml with passwords made on this machine. Keeps an .env that is there.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -e .env ]; then
  echo ".env is there already; nothing done" >&2
  exit 0
fi
umask 077
secret() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }
password() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
cat > .env <<VALUES
CLICKHOUSE_PASSWORD=$(password)
GRAFANA_CLICKHOUSE_PASSWORD=$(password)
GRAFANA_ADMIN_PASSWORD=$(password)
TIDEWATCH_TOKEN=$(password)
# Names of principals are hashed with it. Whoever loses it cannot tell any more that a new hash and an old one are the same user.
TIDEWATCH_IDENTITY_KEY=$(secret)
VALUES
echo "wrote .env" >&2
