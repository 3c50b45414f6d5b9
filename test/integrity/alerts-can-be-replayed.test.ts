import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { configSchema } from '../../src/config/schema.ts'
import { mixedLog } from '../support/mixed-log.ts'
import { drained, feed, seen, undisturbed, watch, yesterday } from './watching.ts'

const main = join(import.meta.dirname, '../../src/cli/main.ts')

it('the same log and configuration give the same alerts, byte for byte: live, from the journal, and from files', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tw-integrity-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const identity = { key: Buffer.alloc(32, 3).toString('base64') }
  const settings = {
    otlp: { http: { port: 0 }, grpc: { enabled: false } },
    server: { port: 0 },
    state: { checkpointEvery: { records: 25 } },
    identity,
  }
  const config = configSchema.parse(settings)
  const data = join(directory, 'data')
  const records = mixedLog(yesterday()).filter(({ signal, value }) => signal === 'traces' && value[0] === 0x7b)

  // Live, with a death and a restart in between.
  const first = (await watch(data, settings, null))!
  const half = Math.ceil(records.length / 2)
  expect(await feed(records.slice(0, half), first)).toBe(half)
  first.kill('SIGKILL')
  await first.ended
  const second = (await watch(data, settings, null))!
  await feed(records.slice(half), second)
  await drained(second)
  second.kill('SIGTERM')
  await second.ended
  const live = await seen(data, config)
  expect(live.alerts.length).toBeGreaterThan(0)

  // From the journal, in batches of other sizes.
  for (const batch of [1000, 3]) {
    const again = await undisturbed(data, join(directory, `again-${batch}`), config, live.last, batch)
    expect(again.alerts).toEqual(live.alerts)
  }

  // From files that hold the same requests. Files have no clock ticks, so an incident may not be resolved in them.
  const file = join(directory, 'log.traces.jsonl')
  await writeFile(file, records.map(({ value }) => Buffer.from(value).toString()).join('\n'))
  const configFile = join(directory, 'replay.yaml')
  await writeFile(configFile, stringify({ identity }))
  const replayed = async (name: string): Promise<string> => {
    const out = join(directory, name)
    const args = ['replay', file, '--config', configFile, '--hash-identities', '--alerts', out]
    const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', main, ...args], { encoding: 'utf8' })
    expect(status, stderr).toBe(0)
    return readFile(out, 'utf8')
  }
  const once = await replayed('once.jsonl')
  expect(await replayed('twice.jsonl')).toBe(once)
  const lines = once.split('\n').filter((line) => line !== '' && JSON.parse(line).status !== 'resolved')
  expect(lines.sort()).toEqual(live.alerts.filter((alert) => JSON.parse(alert).status !== 'resolved').sort())
}, 180_000)
