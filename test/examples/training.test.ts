import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { startInstance } from '../../src/stages/instance.ts'
import { hasPython, python } from '../support/python.ts'

const examples = join(import.meta.dirname, '..', '..', 'examples')

async function startWatching() {
  const directory = await mkdtemp(join(tmpdir(), 'tidewatch-training-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const config = configSchema.parse({ data: { directory }, otlp: { http: { port: 0 }, grpc: { enabled: false } }, server: { port: 0 } })
  const instance = await startInstance(config, { log: pino({ level: 'silent' }), version: 'test' })
  onTestFinished(() => instance.stop())
  return instance
}

describe.each([
  ['JavaScript', process.execPath, ['--import', 'tsx', '--conditions=source', join(examples, 'javascript', 'training.mjs')], true],
  ['Python', python, [join(examples, 'python', 'training.py')], hasPython],
] as const)('the training example in %s', (_, program, args, present) => {
  it.skipIf(!present)(
    'trains a network whose poisoned source is named, and whose honest twin is not',
    async () => {
      const { addresses, store, drained } = await startWatching()
      const env = { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: addresses.otlpHttp! }
      const told: number[] = []
      for (const [id, flags] of [
        ['honest', []],
        ['poisoned', ['--poison']],
      ] as const) {
        const { stdout } = await promisify(execFile)(program, [...args, ...flags], { env: { ...env, RUN_ID: id } })
        told.push(Number(/(\d+) examples told/.exec(stdout)![1]))
      }
      await drained()

      const alerts = await store.query<{ run: string; kind: string; subject: string; category: string }>(
        `SELECT DISTINCT run, subject_kind AS kind, subject, category FROM alerts WHERE status = 'opened'`,
      )
      expect(alerts).toEqual([{ run: 'poisoned', kind: 'source', subject: 'source-7', category: 'poisoning' }])
      const samples = await store.query<{ run: string; samples: number; layered: number }>(
        `SELECT run, count() AS samples, countIf(activation_layer = 'hidden') AS layered FROM training_samples GROUP BY run ORDER BY run`,
      )
      expect(samples).toEqual([
        { run: 'honest', samples: told[0], layered: told[0] },
        { run: 'poisoned', samples: told[1], layered: told[1] },
      ])
      const metrics = await store.query<{ metric: string }>('SELECT DISTINCT metric FROM metric_points ORDER BY metric')
      expect(metrics.map(({ metric }) => metric)).toEqual(
        expect.arrayContaining([
          'tidewatch.activation.norm',
          'tidewatch.activation.zero_ratio',
          'tidewatch.training.grad_norm',
          'tidewatch.training.loss',
        ]),
      )
    },
    120_000,
  )
})
