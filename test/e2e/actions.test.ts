import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, it, onTestFinished, vi } from 'vitest'
import { runProgram } from '../../src/cli/program.ts'
import { configSchema } from '../../src/config/schema.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { startInstance } from '../../src/stages/instance.ts'
import { otlpTraffic, protobufOf } from '../support/otlp-traffic.ts'
import { startWebhookReceiver } from '../support/webhook-receiver.ts'

/** One command line as a person would give it. */
async function tidewatch(...args: string[]): Promise<{ code: number; out: string }> {
  let out = ''
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    out += chunk
    return true
  })
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
  const code = await runProgram(args).finally(() => {
    stdout.mockRestore()
    stderr.mockRestore()
  })
  return { code, out }
}

const objects = <T>(out: string) =>
  out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T)

it('from the command line: incidents are found, acknowledged, silenced and judged; webhooks hear of it, and a restart remembers it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidewatch-actions-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const receiver = await startWebhookReceiver()
  onTestFinished(() => receiver.close())
  const config = configSchema.parse({
    data: { directory },
    otlp: { http: { port: 0 }, grpc: { enabled: false } },
    server: { port: 0, tokens: [{ name: 'ops', token: 'operator-token-0123456789', role: 'operator' }] },
    webhooks: [{ name: 'soc', url: receiver.url, secret: `whsec_${'A'.repeat(32)}` }],
  })
  const start = () => startInstance(config, { log: pino({ level: 'silent' }), version: 'test' })
  let instance = await start()
  onTestFinished(() => instance.stop())
  vi.stubEnv('TIDEWATCH_TOKEN', 'operator-token-0123456789')
  onTestFinished(() => {
    vi.unstubAllEnvs()
  })
  const where = ['--data', directory]

  const traffic = otlpTraffic({ now: Date.now() })
  for (const request of traffic.requests) {
    await fetch(`${instance.addresses.otlpHttp}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: protobufOf(request),
    })
  }
  await instance.drained()

  const told = (await tidewatch('status', ...where)).out
  expect(told).toMatch(/budget +1 false incidents a day accepted; tests of \d{4}-\d\d-\d\d may open 0\.\d+\n/)
  expect(told).toMatch(/event time +\d{4}-\S+Z, \d+ records behind\n/)
  expect(told).toMatch(/volume-and-breadth +extraction +armed \(\d+\)\n/)
  expect(told).toMatch(/label-flip +poisoning +has seen nothing that it looks at\n/)

  const { out } = await tidewatch('principals', 'find', traffic.attacker, '--json', ...where)
  const [mallory] = objects<{ id: string; calls: number; incidents: Alert[] }>(out)
  expect(mallory).toMatchObject({ id: expect.stringMatching(/^h-[0-9a-f]{24}$/), calls: expect.any(Number) })
  const { incident } = mallory!.incidents[0]!
  expect((await tidewatch('incidents', 'list', ...where)).out).toContain(incident)

  expect(await tidewatch('incidents', 'acknowledge', incident, '--note', 'on it', ...where)).toMatchObject({ code: 0 })
  const heard = await receiver.next(({ body }) => body.includes('"change":"acknowledged"'))
  expect(JSON.parse(heard.body)).toMatchObject({ incident, status: 'updated', handling: { acknowledged: { by: 'ops' } } })
  expect(await tidewatch('incidents', 'silence', incident, '--for', '4h', ...where)).toMatchObject({ code: 0 })
  expect(await tidewatch('incidents', 'feedback', incident, '--verdict', 'true', '--note', 'it was', ...where)).toMatchObject({ code: 0 })
  expect((await tidewatch('incidents', 'acknowledge', 'inc_none', ...where)).code).toBe(1)

  await instance.stop()
  instance = await start()
  const shown = await tidewatch('incidents', 'show', incident, ...where)
  for (const text of [mallory!.id, '[acknowledged by ops]', '[silenced until ', '[true alarm, says ops]', 'on it', 'it was']) {
    expect(shown.out).toContain(text)
  }
  const alerts = objects<Alert>((await tidewatch('alerts', 'list', '--json', '--subject', mallory!.id, ...where)).out)
  expect(alerts.map(({ handling }) => handling?.change).slice(0, 3)).toEqual(['feedback', 'silenced', 'acknowledged'])

  const tested = await tidewatch('webhooks', 'test', '--all', ...where)
  expect(tested.out).toMatch(/^soc: opened taken \(HTTP 204, \d+ ms\)\nsoc: resolved taken \(HTTP 204, \d+ ms\)\n$/)
  receiver.behave({ kind: 'refuse', status: 418 })
  const refused = await tidewatch('webhooks', 'test', 'soc', ...where)
  expect(refused.out).toBe('soc: opened not taken: HTTP 418\n  no\n')
  process.exitCode = undefined
  expect((await tidewatch('webhooks', 'list', ...where)).out).toMatch(
    /^soc {2}standard {2}http:\/\/127\.0\.0\.1:\d+\/hook {2}all {2}0 waiting/,
  )
  // Silenced: the receiver heard nothing of the silence and what came after.
  expect(receiver.received.filter(({ body }) => /"change":"(silenced|feedback)"/.test(body))).toEqual([])
}, 120_000)

it('backtest tells what another configuration would have said of the same files, and of what was said before', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidewatch-backtest-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const [file, loose, blind, history] = ['log.traces.jsonl', 'loose.yaml', 'blind.yaml', 'alerts.ndjson'].map((name) =>
    join(directory, name),
  ) as [string, string, string, string]
  const traffic = otlpTraffic({ now: Date.UTC(2026, 10, 20) })
  await writeFile(file, traffic.requests.map((request) => JSON.stringify(request)).join('\n'))
  await writeFile(loose, 'decisions: { falseIncidentsPerDay: 20 }\n')
  await writeFile(blind, 'decisions: { disabled: [query-shift, volume-and-breadth, probe-parameters] }\n')

  const table = (await tidewatch('backtest', file, '--config', blind)).out
  expect(table).toMatch(new RegExp(`gone .* principal ${traffic.attacker} `))
  expect(table).toMatch(/0 new, \d+ gone, 0 changed, 0 the same\n$/)

  expect((await tidewatch('replay', file, '--alerts', history, '--quiet')).code).toBe(0)
  const [same] = objects<{ added: object[]; gone: object[]; changed: object[]; same: object[] }>(
    (await tidewatch('backtest', file, '--config', loose, '--history', history, '--json')).out,
  )
  expect(same!.gone).toEqual([])
  expect([...same!.same, ...same!.changed].length).toBeGreaterThan(0)
}, 120_000)
