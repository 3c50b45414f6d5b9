import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Alert } from '../../src/decisions/alert.ts'
import { otlpTraffic } from '../support/otlp-traffic.ts'

const run = promisify(execFile)
const main = join(import.meta.dirname, '../../src/cli/main.ts')
const set = join(import.meta.dirname, '../../../shared/data/extraction/extraction-text-content-dev')

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tidewatch-replay-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

async function replay(directory: string, name: string, ...files: string[]) {
  const alerts = join(directory, `${name}.alerts.ndjson`)
  const scores = join(directory, `${name}.scores.ndjson`)
  const { stderr } = await run(process.execPath, ['--import', 'tsx', main, 'replay', ...files, '--alerts', alerts, '--scores', scores])
  return { alerts: await readFile(alerts, 'utf8'), scores: await readFile(scores, 'utf8'), stderr }
}

function parse(lines: string): Alert[] {
  return lines
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}

describe('tidewatch replay', () => {
  let traffic: ReturnType<typeof otlpTraffic>

  beforeAll(() => {
    traffic = otlpTraffic({ now: Date.UTC(2026, 10, 20) })
  })

  it('names the attacker, and gives the same bytes again', async () => {
    const directory = await scratch()
    const file = join(directory, 'service.traces.jsonl')
    await writeFile(file, traffic.requests.map((request) => JSON.stringify(request)).join('\n'))
    const [one, two] = await Promise.all([replay(directory, 'one', file), replay(directory, 'two', file)])
    expect(two.alerts).toBe(one.alerts)
    expect(two.scores).toBe(one.scores)
    expect(parse(one.alerts).map(({ subject }) => subject.id)).toContain(traffic.attacker)
    expect(one.stderr).toContain(`${traffic.calls} events`)
    const score = JSON.parse(one.scores.slice(0, one.scores.indexOf('\n')))
    expect(Object.keys(score)).toEqual(['time', 'detector', 'subject', 'score', 'pValue', 'ref'])
  }, 120_000)

  it('the order of keys in an alert is the documented one', async () => {
    const directory = await scratch()
    const file = join(directory, 'service.traces.jsonl')
    await writeFile(file, traffic.requests.map((request) => JSON.stringify(request)).join('\n'))
    const [alert] = parse((await replay(directory, 'one', file)).alerts)
    expect(Object.keys(alert!).join(' ')).toBe(
      'id incident status time opened detector detectors category severity title subject members model service environment run window score threshold pValue evidence tags',
    )
    expect(alert!.tags.atlas.length).toBeGreaterThan(0)
    expect(alert!.tags.owasp).toContain('LLM10:2025')
  }, 120_000)

  it('sums up what was read, refused and found', async () => {
    const directory = await scratch()
    const file = join(directory, 'service.traces.jsonl')
    await writeFile(file, ['no telemetry', ...traffic.requests.map((request) => JSON.stringify(request))].join('\n'))
    const { alerts, stderr } = await replay(directory, 'one', file)
    const opened = parse(alerts).filter(({ status }) => status === 'opened')
    expect(stderr).toContain('1 dead letter\n  1 TW_TELEMETRY_MALFORMED: ')
    expect(stderr).toContain(`\n${opened.length} incident`)
    const byDetector = new Map<string, number>()
    for (const { detector } of parse(alerts)) byDetector.set(detector, (byDetector.get(detector) ?? 0) + 1)
    expect(stderr).toContain(`alerts by detector: ${[...byDetector].map(([name, count]) => `${name} ${count}`).join(', ')}`)
    expect(stderr).toMatch(/^budget: [\d.]+ expected false incidents over \d days of events, 1 a day accepted \(extraction [\d.]+\)$/m)
  }, 120_000)

  it('ends with code 2 and says what to do when a file is missing or the configuration is wrong', async () => {
    const directory = await scratch()
    const config = join(directory, 'wrong.yaml')
    await writeFile(config, 'sed: 3\n')
    const failure = (args: string[]) => run(process.execPath, ['--import', 'tsx', main, 'replay', ...args]).catch((error) => error)
    expect(await failure([])).toMatchObject({ code: 2 })
    expect(await failure(['x.jsonl', '--config', config])).toMatchObject({ code: 2, stderr: expect.stringContaining('wrong.yaml') })
    expect(await failure([join(directory, 'none.jsonl')])).toMatchObject({ code: 1, stderr: expect.stringContaining('none.jsonl') })
  }, 60_000)

  it.skipIf(!existsSync(`${set}.traces.jsonl.gz`))(
    'finds the attackers of six dialects with text and no embeddings, and nobody else (needs ../shared/data)',
    async () => {
      const { alerts } = await replay(await scratch(), 'content', `${set}.traces.jsonl.gz`)
      const truth = JSON.parse(await readFile(`${set}.truth.json`, 'utf8')) as { attacks: { subjects: { id: string }[] }[] }
      const attackers = truth.attacks.flatMap(({ subjects }) => subjects.map(({ id }) => id)).sort()
      const named = new Set(
        parse(alerts)
          .filter(({ category }) => category === 'extraction')
          .map(({ subject }) => subject.id),
      )
      expect([...named].sort()).toEqual(attackers)
    },
    120_000,
  )
})
