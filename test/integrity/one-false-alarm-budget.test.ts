import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { replayFiles } from '../../src/stages/replay.ts'
import { otlpTraffic } from '../support/otlp-traffic.ts'

async function opened(files: readonly string[], falseIncidentsPerDay: number): Promise<{ alerts: Alert[]; days: number }> {
  const alerts: Alert[] = []
  let first = Number.POSITIVE_INFINITY
  let last = 0
  await replayFiles(files, configSchema.parse({ identity: { hash: false }, decisions: { falseIncidentsPerDay } }), {
    storeDirectory: null,
    onOutcome: async ({ alerts: next, events }) => {
      alerts.push(...next.filter(({ status }) => status === 'opened'))
      for (const { time } of events) {
        first = Math.min(first, time)
        last = Math.max(last, time)
      }
    },
  })
  return { alerts, days: Math.max(1, Math.ceil((last - first) / 86_400e6)) }
}

/** The most that a Poisson count of this mean exceeds once in ten thousand times. */
function most(mean: number): number {
  let term = Math.exp(-mean)
  let below = term
  let count = 0
  while (below < 0.9999) {
    count++
    term *= mean / count
    below += term
  }
  return count
}

async function ordinary(seed: number): Promise<{ file: string; attacker: string; withAttack: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'tw-budget-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const now = Date.UTC(2026, 2, 4, 15)
  const { requests, attacker } = otlpTraffic({ seed, now, people: 80 })
  const before = requests.filter(
    (request) => Number((request.resourceSpans[0].scopeSpans[0].spans.at(-1) as { endTimeUnixNano: string }).endTimeUnixNano) < now * 1e6,
  )
  const write = async (name: string, which: readonly object[]) => {
    const file = join(directory, name)
    await writeFile(file, which.map((request) => JSON.stringify(request)).join('\n'))
    return file
  }
  return { attacker, file: await write('ordinary.traces.jsonl', before), withAttack: await write('attack.traces.jsonl', requests) }
}

it('over days of ordinary calls all detectors together open no more than the budget, and an attacker is still found in it', async () => {
  let days = 0
  let count = 0
  for (const seed of [1, 2, 3, 4, 5]) {
    const { file, withAttack, attacker } = await ordinary(seed)
    const quiet = await opened([file], 1)
    days += quiet.days
    count += quiet.alerts.length
    const { alerts } = await opened([withAttack], 1)
    expect(
      alerts.map(({ subject }) => subject.id),
      `seed ${seed}`,
    ).toContain(attacker)
  }
  expect(days).toBeGreaterThanOrEqual(10)
  expect(count).toBeLessThanOrEqual(most(days))
}, 60_000)

it('the budget is one number for all: a smaller one opens fewer incidents, never other ones', async () => {
  const { withAttack } = await ordinary(1)
  const subjects = async (budget: number) =>
    (await opened([withAttack], budget)).alerts.map(({ subject }) => `${subject.kind} ${subject.id}`)
  const generous = await subjects(50)
  const usual = await subjects(1)
  const strict = await subjects(0.0001)
  expect(usual.length).toBeGreaterThan(strict.length)
  expect(generous).toEqual(expect.arrayContaining(usual))
  expect(usual).toEqual(expect.arrayContaining(strict))
}, 60_000)

const data = join(import.meta.dirname, '../../../shared/data')
const benign = [
  'extraction/benign-text-dev.traces.jsonl.gz',
  'poisoning/samples-clean.logs.jsonl.gz',
  'poisoning/federated-clean.logs.jsonl.gz',
  'activations/digits-clean.traces.jsonl.gz',
  'signals/health-clean.metrics.jsonl.gz',
]
const there = benign.map((file) => join(data, file)).filter((file) => existsSync(file))
if (there.length < benign.length) console.warn('skipped: the budget over recorded ordinary telemetry, which is not here')

it.skipIf(there.length < benign.length)(
  'recorded ordinary telemetry of calls, training, activations and series keeps it as well',
  async () => {
    let days = 0
    const found: string[] = []
    for (const file of there) {
      const quiet = await opened([file], 1)
      days += quiet.days
      found.push(...quiet.alerts.map(({ detector, subject }) => `${detector} ${subject.kind} ${subject.id}`))
    }
    expect(found.length, found.join(', ')).toBeLessThanOrEqual(most(days))
  },
  120_000,
)
