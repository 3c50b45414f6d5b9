import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { createRandom } from '../../src/sketches/random.ts'
import { mixedLog } from '../support/mixed-log.ts'
import { differences } from '../support/stored-rows.ts'
import { startWebhookReceiver } from '../support/webhook-receiver.ts'
import { drained, feed, seen, undisturbed, watch, yesterday } from './watching.ts'

/** Ends of one process after the other: at a named point, or so many milliseconds after it watches. */
type End = { readonly point: string } | { readonly after: number }

/** Milliseconds after which a process that did not come to its point is killed where it is. */
const GRACE = 1500

const random = createRandom('integrity/kills')
const instant = (): End => ({ after: Math.floor(50 + 1200 * random.uniform()) })
const schedules: readonly (readonly End[])[] = [
  [{ point: 'claimed:3' }, { point: 'after-calls:2' }, instant(), { point: 'checkpoint' }],
  [{ point: 'after-ranges:2' }, { point: 'before-checkpoints' }, instant(), { point: 'after-alerts' }],
]

it.each(schedules.map((ends, index) => ({ schedule: index + 1, ends })))(
  'a process that is killed over and over (schedule $schedule) stores what one that never was stores, and sends every webhook',
  async ({ ends }) => {
    const directory = await mkdtemp(join(tmpdir(), 'tw-integrity-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const receiver = await startWebhookReceiver()
    onTestFinished(() => receiver.close())
    const settings = {
      otlp: { http: { port: 0 }, grpc: { enabled: false } },
      server: { port: 0 },
      state: { checkpointEvery: { records: 15 } },
      identity: { key: Buffer.alloc(32, 3).toString('base64') },
      webhooks: [{ name: 'soc', url: receiver.url, secret: `whsec_${Buffer.alloc(32, 9).toString('base64')}` }],
    }
    const config = configSchema.parse(settings)
    const data = join(directory, 'data')
    const records = mixedLog(yesterday()).filter(({ value }) => value.length > 0)

    let sent = 0
    for (const [index, end] of ends.entries()) {
      const watching = await watch(data, settings, 'point' in end ? end.point : null)
      // Null: the point was reached before it watched.
      if (!watching) continue
      if ('after' in end) setTimeout(() => watching.kill('SIGKILL'), end.after)
      // Every life gets a part of the log, so that there is something left for the next one.
      const portion = feed(records.slice(sent, Math.ceil((records.length * (index + 1)) / (ends.length + 1))), watching)
      void portion.then(async () => {
        await new Promise((resolve) => setTimeout(resolve, GRACE))
        watching.kill('SIGKILL')
      })
      expect(await watching.ended).toBe('SIGKILL')
      sent += await portion
    }
    const last = (await watch(data, settings, null))!
    expect(await feed(records.slice(sent), last)).toBe(records.length - sent)
    await drained(last)
    last.kill('SIGTERM')
    expect(await last.ended).toBeNull()

    const found = await seen(data, config)
    expect(found.last).toBeGreaterThanOrEqual(records.length - 1)
    const expected = await undisturbed(data, join(directory, 'undisturbed'), config, found.last, 7)
    for (const table of ['calls', 'observations', 'alerts', 'dead_letters', 'training_samples', 'metric_points', 'webhook_deliveries']) {
      expect(expected.rows[table]!.length, table).toBeGreaterThan(0)
    }
    expect(differences(found.rows, expected.rows)).toEqual([])
    expect(found.alerts).toEqual(expected.alerts)

    // Every webhook came at least once, under one id with one body.
    const bodies = new Map<string, string>()
    for (const { id, body } of receiver.received) {
      expect(bodies.get(id) ?? body).toBe(body)
      bodies.set(id, body)
    }
    const alerts = new Map(expected.told.map((alert: Alert) => [alert.id, JSON.stringify(alert)]))
    expect(bodies).toEqual(alerts)
  },
  180_000,
)
