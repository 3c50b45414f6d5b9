import { parseArgs } from 'node:util'
import { startTraffic } from './start.ts'

/**
 * The simulated service as a program: `node dist/examples/model-service/main.js --endpoint http://127.0.0.1:4318`.
 * Writes one JSON object a line to stdout: first the attacker, then progress.
 */
const { values } = parseArgs({
  options: {
    endpoint: { type: 'string', default: process.env.OTEL_EXPORTER_OTLP_ENDPOINT ?? 'http://127.0.0.1:4318' },
    seed: { type: 'string', default: '1' },
    now: { type: 'string', default: new Date().toISOString() },
    'live-seconds': { type: 'string', default: '40' },
  },
})

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())

const say = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`)

const traffic = startTraffic({
  endpoint: values.endpoint,
  seed: Number(values.seed),
  now: Date.parse(values.now),
  liveSeconds: Number(values['live-seconds']),
  onProgress: say,
  signal: stop.signal,
})
say({ phase: 'planned', attacker: traffic.attacker })
await traffic.done
say({ phase: 'done' })
