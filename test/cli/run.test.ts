import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pino } from 'pino'
import { expect, it, onTestFinished } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { startInstance } from '../../src/stages/instance.ts'
import { callsIn, otlpTraffic, protobufOf } from '../support/otlp-traffic.ts'

const main = join(import.meta.dirname, '../../src/cli/main.ts')

it('on SIGTERM `run` stores what it answered for, commits and ends within 10 seconds with code 0', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidewatch-run-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const config = join(directory, 'tidewatch.yaml')
  await writeFile(config, 'otlp: { http: { port: 0 }, grpc: { enabled: false } }\nserver: { port: 0 }\n')
  const child = spawn(process.execPath, ['--import', 'tsx', main, 'run', '--config', config, '--data', join(directory, 'data')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let endpoint = ''
  for await (const line of createInterface({ input: child.stderr })) {
    const { msg, otlpHttp } = JSON.parse(line) as { msg: string; otlpHttp?: string }
    if (msg !== 'watching') continue
    endpoint = otlpHttp!
    break
  }

  const { requests } = otlpTraffic({ now: Date.now(), people: 30 })
  const answers = await Promise.all(
    requests.map((request) =>
      fetch(`${endpoint}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/x-protobuf' }, body: protobufOf(request) }),
    ),
  )
  const accepted = requests.reduce<number>((calls, request, index) => calls + (answers[index]!.ok ? callsIn(request) : 0), 0)
  expect(accepted).toBeGreaterThan(0)
  const ended = once(child, 'exit')
  const from = performance.now()
  child.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
  expect(performance.now() - from).toBeLessThan(10_000)

  // What was answered with 200 is stored, or stands in the journal for the next start; either way it is there once.
  const again = await startInstance(
    configSchema.parse({
      data: { directory: join(directory, 'data') },
      otlp: { http: { port: 0 }, grpc: { enabled: false } },
      server: { port: 0 },
    }),
    { log: pino({ level: 'silent' }), version: 'test' },
  )
  onTestFinished(() => again.stop())
  await again.drained()
  const [stored] = await again.store.query<{ calls: number; distinct: number }>(
    'SELECT count() AS calls, uniqExact(span_id) AS distinct FROM calls',
  )
  expect(stored).toEqual({ calls: accepted, distinct: accepted })
}, 60_000)
