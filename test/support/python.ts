import { spawnSync } from 'node:child_process'

/** The interpreter that `PYTHON` names, else `python3`. */
export const python = process.env.PYTHON ?? 'python3'

/** Whether it has OpenTelemetry's SDK and exporter, which the examples in Python need. */
export const hasPython = spawnSync(python, ['-c', 'import opentelemetry.sdk, opentelemetry.exporter.otlp.proto.http']).status === 0
if (!hasPython)
  console.warn(
    'skipped: examples in Python need opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http (PYTHON names an interpreter)',
  )
