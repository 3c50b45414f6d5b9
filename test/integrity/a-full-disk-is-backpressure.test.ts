import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { tidewatch } from '../support/command-line.ts'
import { mixedLog } from '../support/mixed-log.ts'
import { canHaveSmallDisk, onSmallDisk, SmallDisk } from '../support/small-disk.ts'
import { differences } from '../support/stored-rows.ts'
import { drained, feed, seen, undisturbed, type Watching, watch, yesterday } from './watching.ts'

const possible = canHaveSmallDisk()

const settings = {
  otlp: { http: { port: 0 }, grpc: { enabled: false } },
  server: { port: 0 },
  state: { checkpointEvery: { records: 15 } },
  identity: { key: Buffer.alloc(32, 3).toString('base64') },
}

/** A process whose folders of these names are on a small disk. */
async function watchOnSmallDisk(...names: readonly string[]) {
  const directory = await mkdtemp(join(tmpdir(), 'tw-full-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const data = join(directory, 'data')
  const folder = join(directory, 'disk')
  for (const path of [data, folder]) await mkdir(path)
  for (const name of names) await symlink(join(folder, name), join(data, name))
  const watching = (await watch(data, settings, null, onSmallDisk(folder, '32m')))!
  onTestFinished(async () => {
    watching.kill('SIGKILL')
    await watching.ended
  })
  const { pid } = JSON.parse(await readFile(join(data, 'lock.json'), 'utf8')) as { pid: number }
  return { directory, data, watching, disk: new SmallDisk(pid, folder) }
}

async function refuses({ api }: Watching, why: RegExp): Promise<void> {
  const ready = async () => {
    const answer = await fetch(`${api}/readyz`)
    return { status: answer.status, text: await answer.text() }
  }
  await vi.waitFor(async () => expect(await ready()).toMatchObject({ status: 503, text: expect.stringMatching(why) }), {
    timeout: 30_000,
    interval: 100,
  })
}

/** What is stored, as a backup has it, against an undisturbed run over the same journal. */
async function expectUndisturbed(directory: string, data: string): Promise<void> {
  const [copy, restored] = [join(directory, 'copy'), join(directory, 'restored')]
  expect(await tidewatch('backup', copy, '--data', data)).toMatchObject({ code: 0 })
  expect(await tidewatch('restore', copy, '--data', restored)).toMatchObject({ code: 0 })
  const config = configSchema.parse({ ...settings, data: { directory: restored } })
  const found = await seen(restored, config)
  const expected = await undisturbed(restored, join(directory, 'undisturbed'), config, found.last, 7)
  for (const table of ['calls', 'calls_by_minute', 'alerts', 'incidents', 'training_samples'])
    expect(expected.rows[table]!.length, table).toBeGreaterThan(0)
  expect(differences(found.rows, expected.rows)).toEqual([])
  expect(found.alerts).toEqual(expected.alerts)
}

const records = mixedLog(yesterday()).filter(({ value }) => value.length > 0)
const third = Math.floor(records.length / 3)

it.skipIf(!possible)(
  'while the disk under the embedded store is full, senders are served, readiness says why, and everything arrives afterwards, once',
  async () => {
    const { directory, data, watching, disk } = await watchOnSmallDisk('store')
    const lag = async () => {
      const { lag: partitions } = (await (await fetch(`${watching.api}/api/v1/status`)).json()) as { lag: { records: number }[] }
      return partitions.reduce((sum, { records: waiting }) => sum + waiting, 0)
    }
    await feed(records.slice(0, third), watching)
    await drained(watching)
    // No room at all, and just enough for some of the files of an insert.
    for (const [left, from, to] of [
      [0, third, 2 * third],
      [40_000, 2 * third, records.length],
    ] as const) {
      await disk.fill(left)
      expect(await feed(records.slice(from, to), watching)).toBe(to - from)
      await refuses(watching, /the store does not take writes since .*(space|write)/i)
      // It is read every two seconds.
      await vi.waitFor(async () => expect(await lag()).toBeGreaterThan(0), { timeout: 10_000, interval: 200 })
      await disk.free()
      await drained(watching)
      expect((await fetch(`${watching.api}/readyz`)).status).toBe(200)
    }
    await expectUndisturbed(directory, data)
  },
  180_000,
)

it.skipIf(!possible)(
  'while the journal is on that disk too, senders are told to wait, and what they were told is received arrives, once',
  async () => {
    const { directory, data, watching, disk } = await watchOnSmallDisk('store', 'journal')
    await feed(records.slice(0, third), watching)
    await drained(watching)
    await disk.fill(0)
    const { signal, value } = records[third]!
    const again = await fetch(`${watching.otlp}/v1/${signal}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: value as Uint8Array<ArrayBuffer>,
    })
    expect([again.status, again.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)])
    // Room comes and goes while they try again and again.
    const feeding = feed(records.slice(third), watching)
    for (const left of [30_000, 200_000]) {
      await disk.free()
      await disk.fill(left)
      await refuses(watching, /no space left|cannot be written|does not take writes/i)
    }
    await disk.free()
    expect(await feeding).toBe(records.length - third)
    await drained(watching)
    expect((await fetch(`${watching.api}/readyz`)).status).toBe(200)
    await expectUndisturbed(directory, data)
  },
  180_000,
)
