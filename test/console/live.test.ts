import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Page } from 'playwright-core'
import { expect, it, onTestFinished } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { type Instance, startInstance } from '../../src/stages/instance.ts'
import { launchChromium } from '../support/browser.ts'
import { otlpTraffic, protobufOf } from '../support/otlp-traffic.ts'
import { startWebhookReceiver } from '../support/webhook-receiver.ts'
import { executable, live } from './open-console.ts'

/** The promise: seconds from an alert to its being seen. */
const promised = 2_000

it.skipIf(executable === null)(
  'the demo’s attack is seen within two seconds of its alert, understood and handled; what was done survives a restart',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tidewatch-live-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const receiver = await startWebhookReceiver()
    onTestFinished(() => receiver.close())
    const config = configSchema.parse({
      data: { directory },
      otlp: { http: { port: 0 }, grpc: { enabled: false } },
      server: { port: 0 },
      identity: { hash: false },
      webhooks: [{ name: 'soc', url: receiver.url, secret: `whsec_${'A'.repeat(32)}` }],
    })
    const start = () => startInstance(config, { log: pino({ level: 'silent' }), version: 'test' })
    let instance = await start()
    onTestFinished(() => instance.stop())
    const browser = await launchChromium(executable!)
    onTestFinished(() => browser.close())
    const complaints: string[] = []
    const open = async (path: string): Promise<Page> => {
      const page = await browser.newPage()
      page.on('pageerror', ({ message }) => complaints.push(message))
      page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
      await page.goto(`${instance.addresses.api}${path}`)
      await live(page)
      return page
    }

    const list = await open('/incidents')
    await list.getByText('Nothing has come in yet').waitFor()
    const traffic = otlpTraffic({ now: Date.now() })
    const alerted = aboutOf(traffic.attacker, instance)
    const seen = alerted.then(async (alert) => {
      const began = performance.now()
      await list.locator(`.incident a[href="/incidents/${alert.incident}"]`).waitFor()
      return { alert, milliseconds: performance.now() - began }
    })
    // Days of traffic as fast as they are taken, then the attack as it comes: request by request.
    const requests = traffic.requests.map(protobufOf)
    const attack = requests.length - 11
    for (const request of requests.slice(0, attack)) await post(instance, request)
    await instance.drained()
    for (const request of requests.slice(attack)) {
      await post(instance, request)
      await instance.drained()
    }
    const { alert, milliseconds } = await seen
    expect(milliseconds).toBeLessThan(promised)
    await instance.drained()

    await list.locator(`.incident a[href="/incidents/${alert.incident}"]`).click()
    await list.locator('.case h1').waitFor()
    await list.locator('.figure', { hasText: 'Among the others' }).first().locator('[data-kind="seen"]').waitFor()
    const [call] = await list.locator('table:has(caption:text-is("Calls of the incident")) tbody td:nth-child(2)').allTextContents()
    expect([alert.subject, ...alert.members].map(({ id }) => id)).toContain(call)
    await list.getByLabel('Note').fill('it is the intern')
    await list.getByRole('button', { name: 'Acknowledge' }).click()
    await list.getByText('Acknowledged by local').waitFor()
    await list.getByLabel('For how long').selectOption('1d')
    await list.getByRole('button', { name: 'Silence' }).click()
    await list.getByText('Silenced by local until').waitFor()
    await receiver.next(({ body }) => body.includes('"change":"acknowledged"'))
    await list.close()

    await instance.stop()
    instance = await start()
    const again = await open(`/incidents/${alert.incident}`)
    await again.getByText('Acknowledged by local').waitFor()
    await again.getByText('Silenced by local until').waitFor()
    await again.locator('.history', { hasText: 'it is the intern' }).waitFor()
    await again
      .locator('tr', { has: again.getByText('delivered') })
      .first()
      .waitFor()
    await again.goto(`${instance.addresses.api}/incidents?open=all`)
    const item = again.locator('.incident', { has: again.locator(`a[href="/incidents/${alert.incident}"]`) })
    await item.waitFor()
    expect(await item.locator('.chip').allTextContents()).toEqual(['silenced', 'acknowledged'])

    // Silence ends as it began, and the list hears of it.
    await item.locator('.title').click()
    await again.getByLabel('For how long').selectOption('0s')
    await again.getByRole('button', { name: 'Silence' }).click()
    await again.getByText('Silenced by local until').waitFor({ state: 'detached' })
    await again.getByText('Acknowledged by local').waitFor()
    expect(complaints).toEqual([])
  },
  120_000,
)

function aboutOf(principal: string, { alerts }: Instance): Promise<Alert> {
  return new Promise((resolve) => {
    const end = alerts.subscribe((alert) => {
      if (![alert.subject, ...alert.members].some(({ id }) => id === principal)) return
      end()
      resolve(alert)
    })
  })
}

async function post({ addresses }: Instance, body: Uint8Array): Promise<void> {
  const headers = { 'content-type': 'application/x-protobuf' }
  const answer = await fetch(`${addresses.otlpHttp}/v1/traces`, { method: 'POST', headers, body: body as Uint8Array<ArrayBuffer> })
  expect(answer.status).toBe(200)
}
