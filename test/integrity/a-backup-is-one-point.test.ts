import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, it, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { configSchema } from '../../src/config/schema.ts'
import { startInstance } from '../../src/stages/instance.ts'
import { tidewatch } from '../support/command-line.ts'
import { mixedLog } from '../support/mixed-log.ts'
import { differences } from '../support/stored-rows.ts'
import { seen, undisturbed, yesterday } from './watching.ts'

it('a backup made in the middle of traffic, restored elsewhere and gone on from, holds what an undisturbed run holds', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tw-backup-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const [first, second, copy] = ['first', 'second', 'copy'].map((name) => join(directory, name)) as [string, string, string]
  const settings = (data: string) => ({
    data: { directory: data },
    otlp: { http: { port: 0 }, grpc: { enabled: false } },
    server: { port: 0 },
    state: { checkpointEvery: { records: 15 } },
    identity: { key: Buffer.alloc(32, 3).toString('base64') },
  })
  const file = join(directory, 'tidewatch.yaml')
  await writeFile(file, stringify(settings(first)))
  const start = (data: string) => startInstance(configSchema.parse(settings(data)), { log: pino({ level: 'silent' }), version: 'test' })
  const records = mixedLog(yesterday()).filter(({ value }) => value.length > 0)
  const feed = async (otlp: string, part: typeof records) => {
    for (const { signal, value } of part) {
      const body = value as Uint8Array<ArrayBuffer>
      await fetch(`${otlp}/v1/${signal}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    }
  }
  const half = Math.floor(records.length / 2)

  let instance = await start(first)
  onTestFinished(() => instance.stop())
  const feeding = feed(instance.addresses.otlpHttp!, records.slice(0, half))
  while (instance.status().records < half / 4) await new Promise(setImmediate)
  const made = await tidewatch('backup', copy, '--config', file)
  expect(made).toMatchObject({ code: 0, err: expect.stringMatching(/copy: \d+ files, as of /) })
  expect(instance.status().records).toBeLessThan(half)
  await feeding
  await instance.drained()
  await instance.stop()

  expect((await tidewatch('backup', copy, '--config', file)).code).toBe(1)
  expect(await tidewatch('restore', copy, '--config', file)).toMatchObject({ code: 1, err: expect.stringContaining('is not empty') })
  expect(await tidewatch('restore', copy, '--data', second)).toMatchObject({ code: 0, err: expect.stringContaining('made by version') })

  instance = await start(second)
  await feed(instance.addresses.otlpHttp!, records.slice(half))
  await instance.drained()
  await instance.stop()

  const config = configSchema.parse(settings(second))
  const found = await seen(second, config)
  const expected = await undisturbed(second, join(directory, 'undisturbed'), config, found.last, 7)
  for (const table of ['calls', 'calls_by_minute', 'alerts', 'incidents', 'training_samples'])
    expect(expected.rows[table]!.length, table).toBeGreaterThan(0)
  expect(differences(found.rows, expected.rows)).toEqual([])
  expect(found.alerts).toEqual(expected.alerts)
}, 120_000)

it('a backup that is not whole is refused, and leaves nothing behind', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tw-backup-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const [data, copy, other] = ['data', 'copy', 'other'].map((name) => join(directory, name)) as [string, string, string]
  const config = configSchema.parse({
    data: { directory: data },
    otlp: { http: { port: 0 }, grpc: { enabled: false } },
    server: { port: 0 },
  })
  const instance = await startInstance(config, { log: pino({ level: 'silent' }), version: 'test' })
  await instance.stop()
  // Nobody runs: the folder is opened for it.
  expect(await tidewatch('backup', copy, '--data', data)).toMatchObject({ code: 0 })
  const key = await readFile(join(copy, 'identity.key'), 'utf8')
  expect(key).toBe(await readFile(join(data, 'identity.key'), 'utf8'))
  await writeFile(join(copy, 'identity.key'), `A${key.slice(1)}`)
  expect(await tidewatch('restore', copy, '--data', other)).toMatchObject({
    code: 1,
    err: expect.stringContaining('identity.key is damaged'),
  })
  await rm(join(copy, 'manifest.json'))
  expect(await tidewatch('restore', copy, '--data', other)).toMatchObject({
    code: 1,
    err: expect.stringContaining('no backup that was finished'),
  })
  await expect(readFile(join(other, 'identity.key'))).rejects.toThrow('ENOENT')
}, 60_000)
