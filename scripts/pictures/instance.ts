import { setMaxListeners } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTraffic } from '../../examples/model-service/start.ts'
import { startDemoReceiver } from '../../src/cli/demo-receiver.ts'
import { configSchema } from '../../src/config/schema.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { createLog } from '../../src/observability/log.ts'
import { startInstance } from '../../src/stages/instance.ts'
import { sendExamples } from './example-telemetry.ts'

export interface PictureInstance {
  /** Address of the console. */
  readonly console: string
  /** Incident of the demo's attacker. */
  readonly incident: string
  /** The attacker. */
  readonly attacker: string
  /** Ends the live traffic, and everything. */
  stop(): Promise<void>
}

/**
 * A running Tidewatch that has seen the demo: three days of a service's traffic, then the attack, of which all has been told, and beside it
 * the examples of training. Traffic goes on until it is stopped, so that rates are not zero.
 */
export async function startPictureInstance(): Promise<PictureInstance> {
  const directory = await mkdtemp(join(tmpdir(), 'tidewatch-pictures-'))
  const receiver = await startDemoReceiver()
  const config = configSchema.parse({
    data: { directory },
    otlp: { http: { port: 0 }, grpc: { enabled: false } },
    server: { port: 0 },
    webhooks: [{ name: 'soc', url: receiver.url, secret: receiver.secret }],
    identity: { hash: false },
    log: { level: 'warn' },
  })
  const instance = await startInstance(config, { log: createLog({ level: 'warn' }), version: '0.1.0' })
  const ended = new AbortController()
  setMaxListeners(0, ended.signal)
  // History ends where the examples begin: an incident about what is long past is soon resolved.
  const now = Date.now() - 20 * 60_000
  const traffic = startTraffic({ endpoint: instance.addresses.otlpHttp!, seed: 1, now, liveSeconds: 600, signal: ended.signal })
  const attacked = firstAlertAbout(traffic.attacker, instance.alerts)
  await traffic.history
  await instance.drained()
  await sendExamples(instance.addresses.otlpHttp!, Date.now() * 1000)
  const { incident, id } = await attacked
  await receiver.next(id, AbortSignal.timeout(30_000))
  return {
    console: instance.addresses.api,
    incident,
    attacker: traffic.attacker,
    async stop() {
      ended.abort()
      await traffic.done
      await instance.stop()
      await receiver.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

function firstAlertAbout(principal: string, alerts: { subscribe(listener: (alert: Alert) => void): () => void }): Promise<Alert> {
  return new Promise((resolve) => {
    const end = alerts.subscribe((alert) => {
      if (alert.subject.id !== principal) return
      end()
      resolve(alert)
    })
  })
}
