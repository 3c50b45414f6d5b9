import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, it, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { configSchema } from '../../src/config/schema.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import type { ShownDeadLetter } from '../../src/server/read-dead-letters.ts'
import { startInstance } from '../../src/stages/instance.ts'
import { lockData } from '../../src/store/data-lock.ts'
import { objects, tidewatch } from '../support/command-line.ts'
import { otlpTraffic, protobufOf } from '../support/otlp-traffic.ts'
import { startWebhookReceiver } from '../support/webhook-receiver.ts'

it('where nobody runs, the commands open the data folder themselves; what they do takes effect at the next start', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidewatch-resting-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const receiver = await startWebhookReceiver()
  onTestFinished(() => receiver.close())
  const data = join(directory, 'data')
  const settings = {
    data: { directory: data },
    otlp: { http: { port: 0 }, grpc: { enabled: false } },
    server: { port: 0, tokens: [{ name: 'ops', token: 'operator-token-0123456789', role: 'operator' }] },
    deadLetters: { maxRun: 10_000, maxShare: 1 },
    webhooks: [{ name: 'soc', url: receiver.url, secret: `whsec_${'A'.repeat(32)}` }],
  }
  const file = join(directory, 'tidewatch.yaml')
  await writeFile(file, stringify(settings))
  const where = ['--config', file]
  expect(await tidewatch('deadletters', 'list', ...where)).toMatchObject({
    code: 1,
    err: expect.stringContaining('TW_INSTANCE_UNREACHABLE'),
  })
  expect(existsSync(data)).toBe(false)

  const start = () => startInstance(configSchema.parse(settings), { log: pino({ level: 'silent' }), version: 'test' })
  let instance = await start()
  onTestFinished(() => instance.stop())
  const traffic = otlpTraffic({ now: Date.now() })
  for (const body of [...traffic.requests.map(protobufOf), Buffer.from('{"resourceSpans":')]) {
    await fetch(`${instance.addresses.otlpHttp}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': body[0] === 0x7b ? 'application/json' : 'application/x-protobuf' },
      body: body as Uint8Array<ArrayBuffer>,
    })
  }
  await instance.drained()
  const told = await receiver.next()
  await instance.stop()

  const [opened] = objects<Alert>((await tidewatch('alerts', 'list', '--status', 'opened', '--json', ...where)).out)
  const [letter] = objects<ShownDeadLetter>((await tidewatch('deadletters', 'list', '--json', ...where)).out)
  expect(letter!.code).toBe('TW_TELEMETRY_MALFORMED')
  expect((await tidewatch('deadletters', 'show', letter!.id, ...where)).out).toContain('{"resourceSpans":')
  expect((await tidewatch('webhooks', 'replay', told.id, ...where)).out).toContain('is sent again')
  expect((await tidewatch('webhooks', 'deliveries', '--state', 'pending', ...where)).out).toContain(told.id)
  expect((await tidewatch('deadletters', 'replay', letter!.id, ...where)).out).toContain('in the log again')
  expect(await tidewatch('incidents', 'acknowledge', opened!.incident, ...where)).toMatchObject({ code: 0 })

  const heard = receiver.next(({ id }) => id === told.id)
  instance = await start()
  expect((await heard).body).toBe(told.body)
  const acknowledged = await receiver.next(({ body }) => body.includes('"change":"acknowledged"'))
  expect(JSON.parse(acknowledged.body)).toMatchObject({ incident: opened!.incident, handling: { acknowledged: { by: 'local' } } })
  await instance.drained()
  // It is as malformed as before, at its new place.
  expect(await instance.store.query('SELECT count() AS letters FROM dead_letters')).toEqual([{ letters: 2 }])
  await instance.stop()

  const lock = await lockData(data)
  expect(await tidewatch('alerts', 'list', ...where)).toMatchObject({ code: 1, err: expect.stringContaining('is still starting') })
  await lock.release()
}, 120_000)
