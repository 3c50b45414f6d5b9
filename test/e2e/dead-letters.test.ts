import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, it, onTestFinished } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import type { ShownDeadLetter } from '../../src/server/read-dead-letters.ts'
import { startInstance } from '../../src/stages/instance.ts'
import { objects, tidewatch } from '../support/command-line.ts'
import { otlpTraffic, protobufOf } from '../support/otlp-traffic.ts'

it('a refused record is listed, shown and, once the reason is gone, replayed: it counts once, however often it is replayed and whatever died', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidewatch-letters-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const where = ['--data', directory]
  const start = (ingest: object, deadLetters: object = {}) =>
    startInstance(
      configSchema.parse({
        ...{ ingest, deadLetters: { maxRun: 10_000, maxShare: 1, ...deadLetters } },
        data: { directory },
        otlp: { http: { port: 0 }, grpc: { enabled: false } },
        server: { port: 0 },
      }),
      { log: pino({ level: 'silent' }), version: 'test' },
    )
  const requests = otlpTraffic({ now: Date.now() }).requests.slice(0, 4).map(protobufOf)
  const post = async (base: string, body: Uint8Array) => {
    const answer = await fetch(`${base}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: body as Uint8Array<ArrayBuffer>,
    })
    return answer.status
  }

  let instance = await start({ maxRecordBytes: 100 }, { maxBytes: '4 MB' })
  onTestFinished(() => instance.stop())
  for (const request of requests.slice(0, 3)) expect(await post(instance.addresses.otlpHttp!, request)).toBe(200)
  await instance.drained()
  await instance.stop()
  instance = await start({ maxRecordBytes: 100 }, { maxBytes: 200 })
  await post(instance.addresses.otlpHttp!, requests[3]!)
  await instance.drained()

  const list = async (...more: string[]) =>
    objects<ShownDeadLetter>((await tidewatch('deadletters', 'list', '--json', ...more, ...where)).out)
  const letters = await list()
  expect(letters.map(({ code, truncated }) => [code, truncated])).toEqual([
    ['TW_TELEMETRY_TOO_LARGE', true],
    ...Array(3).fill(['TW_TELEMETRY_TOO_LARGE', false]),
  ])
  expect(await list('--code', 'TW_TELEMETRY_MALFORMED')).toEqual([])
  expect(await list('--topic', 'otlp_journal', '--since', letters[0]!.time)).toHaveLength(1)
  const [cut, ...whole] = letters.map(({ id }) => id)

  const shown = (await tidewatch('deadletters', 'show', whole[0]!, '--hex', ...where)).out
  expect(shown).toContain('otlp_journal, partition 0')
  expect(shown).toContain(Buffer.from(requests[2]!.subarray(0, 16)).toString('hex').replace(/../g, '$& ').trim())
  expect((await tidewatch('deadletters', 'show', cut!, ...where)).out).toContain('it cannot be replayed whole')

  await instance.stop()
  instance = await start({})
  const stored = async () => {
    await instance.drained()
    const [{ calls }] = (await instance.store.query<{ calls: number }>('SELECT count() AS calls FROM calls')) as [{ calls: number }]
    return calls
  }
  expect(await stored()).toBe(0)
  expect(await tidewatch('deadletters', 'replay', cut!, ...where)).toMatchObject({
    code: 1,
    out: expect.stringMatching(/cannot be replayed {2}only 200 of its \d+ bytes are kept/),
  })
  expect((await tidewatch('deadletters', 'replay', whole[2]!, ...where)).out).toContain('in the log again')
  const first = await stored()
  expect(first).toBeGreaterThan(0)
  expect((await tidewatch('deadletters', 'replay', whole[2]!, ...where)).out).toContain('was replayed before')

  // The process died after the record was in the log and before the letter was marked: somebody asks again.
  await instance.store.command('TRUNCATE TABLE dead_letter_replays')
  expect((await tidewatch('deadletters', 'replay', whole[2]!, ...where)).out).toContain('in the log again')
  expect(await stored()).toBe(first)

  // The same, with a restart in between: what came is part of the state.
  await instance.store.command('TRUNCATE TABLE dead_letter_replays')
  await instance.stop()
  instance = await start({})
  expect((await tidewatch('deadletters', 'replay', '--code', 'TW_TELEMETRY_TOO_LARGE', ...where)).code).toBe(1)
  const all = await stored()
  expect(all).toBe(first * 3)
  expect(await list('--waiting')).toMatchObject([{ id: cut }])
  expect((await tidewatch('deadletters', 'show', 'otlp_journal:none:0:1:0', ...where)).code).toBe(1)
}, 60_000)
