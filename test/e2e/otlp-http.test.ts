import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { Webhook } from 'standardwebhooks'
import { expect, it, onTestFinished } from 'vitest'
import { beginCall, endCall, startTelemetry } from '../../examples/model-service/service.ts'
import { planTraffic } from '../../examples/model-service/traffic.ts'
import { configSchema } from '../../src/config/schema.ts'
import { startInstance } from '../../src/stages/instance.ts'
import { openPseudonym } from '../../src/stages/mapper.ts'
import { startWebhookReceiver } from '../support/webhook-receiver.ts'

it('takes spans of the real OpenTelemetry SDK over OTLP/HTTP to a signed alert, principals hashed', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidewatch-e2e-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const receiver = await startWebhookReceiver()
  onTestFinished(() => receiver.close())
  const secret = `whsec_${Buffer.alloc(32, 9).toString('base64')}`
  const config = configSchema.parse({
    data: { directory },
    otlp: { http: { port: 0 }, grpc: { port: 0 } },
    server: { port: 0 },
    webhooks: [{ name: 'soc', url: receiver.url, secret }],
  })
  const instance = await startInstance(config, { log: pino({ level: 'silent' }), version: 'test' })
  onTestFinished(() => instance.stop())

  const plan = planTraffic({ seed: 1, now: Date.now(), people: 120, days: 2, liveSeconds: 40, attackCalls: 300 })
  const calls = [...plan.history, ...plan.live]
  const telemetry = startTelemetry(instance.addresses.otlpHttp!)
  for (const [index, { at, durationMs, caller, request, conversation }] of calls.entries()) {
    const { id: user, kind: userKind, address, userAgent } = caller
    const { prompt, maxTokens, temperature, inputTokens, outputTokens } = request
    const span = beginCall({ user, userKind, address, userAgent, conversation, prompt, maxTokens, temperature }, at)
    endCall(span, { inputTokens, outputTokens, truncated: false }, at + durationMs)
    if (index % 500 === 499) await telemetry.flush()
  }
  await telemetry.stop()
  await instance.drained()

  // Ordinary accounts may open incidents of their own, and earlier: the traffic is that of the hour in which the test runs.
  const attacker = (await openPseudonym(config))(plan.attacker)
  const opened = await receiver.next(({ body }) => {
    const { status, subject } = JSON.parse(body) as { status: string; subject: { id: string } }
    return status === 'opened' && subject.id === attacker
  })
  const alert = new Webhook(secret).verify(opened.body, opened.headers as Record<string, string>) as { subject: { id: string } }
  expect(alert.subject.id).toMatch(/^h-[0-9a-f]{24}$/)
  const [stored] = await instance.store.query<{ calls: number; clear: number; texts: number; attacks: number }>(
    `SELECT count() AS calls, countIf(principal LIKE 'user-%') AS clear, countIf(content != '') AS texts,
            countIf(principal = {attacker:String}) AS attacks FROM calls`,
    { attacker: alert.subject.id },
  )
  expect(stored).toMatchObject({ calls: calls.length, clear: 0, texts: 0 })
  // The alert is about the account that made the attack's calls, whatever its hash is.
  expect(stored!.attacks).toBe(calls.filter(({ caller }) => caller.id === plan.attacker).length)
}, 120_000)
