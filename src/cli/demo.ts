import { setMaxListeners } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import type { TrafficProgress } from '../../examples/model-service/start.ts'
import { configSchema } from '../config/schema.ts'
import type { Alert } from '../decisions/alert.ts'
import { createLog } from '../observability/log.ts'
import type { Instance } from '../stages/instance.ts'
import { type DemoReceiver, startDemoReceiver } from './demo-receiver.ts'
import { bar, createProgress } from './progress.ts'
import { version } from './version.ts'
import { wrapped } from './wrapped.ts'

/** Seconds from the start until the demo calls it a failure. */
const PATIENCE = 150

interface Options {
  readonly exit?: boolean
  readonly data?: string
  readonly port: number
}

/** `tidewatch demo`: a simulated model service, its past days, and an attack on it as it happens. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('See an attack being found: a simulated service with 250 users, one of whom begins to copy the model.')
    .option('--exit', 'end after the alert and the webhook; exit code 1 if they did not come')
    .option('--data <directory>', 'keep the store in this folder (default: a temporary one, removed at the end)')
    .option('--port <port>', 'port of API and console, 0 for any free one', parsePort, 8686)
    .addHelpText(
      'after',
      `
Examples:
  tidewatch demo              watch it in the console, end it with Ctrl-C
  tidewatch demo --exit       for scripts
  tidewatch demo --data ./demo-data`,
    )
    .action(async (options: Options) => {
      if (!(await demo(options))) process.exitCode = 1
    })
}

function parsePort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65535) throw new InvalidArgumentError('expected 0 to 65535')
  return Number(text)
}

async function demo(options: Options): Promise<boolean> {
  const directory = options.data ?? (await mkdtemp(join(tmpdir(), 'tidewatch-demo-')))
  const stop = new AbortController()
  const interrupted = new Promise<void>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve())
  })
  interrupted.then(() => stop.abort())
  const receiver = await startDemoReceiver()
  let instance: Instance | null = null
  try {
    const { startInstance } = await import('../stages/instance.ts')
    instance = await startInstance(
      configSchema.parse({
        data: { directory },
        otlp: { http: { port: 0 }, grpc: { enabled: false } },
        server: { port: options.port },
        webhooks: [{ name: 'demo', url: receiver.url, secret: receiver.secret }],
        identity: { hash: false },
        log: { level: 'warn' },
      }),
      { log: createLog({ level: 'warn' }), version },
    )
    const passed = await play(instance, receiver, stop.signal, options.exit ?? false)
    if (!options.exit && !stop.signal.aborted) {
      say(`\nThe console stays at ${instance.addresses.api}; end with Ctrl-C.`)
      await interrupted
    }
    return passed
  } finally {
    await instance?.stop()
    await receiver.close()
    if (options.data === undefined) await rm(directory, { recursive: true, force: true })
  }
}

/** True when the attacker was named and the webhook came; `brief` ends there, else the attack is shown to its end. */
async function play(instance: Instance, receiver: DemoReceiver, signal: AbortSignal, brief: boolean): Promise<boolean> {
  const started = performance.now()
  const elapsed = () => `${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s`
  const progress = createProgress()
  const say = (text: string) => progress.done(text)
  const patience = AbortSignal.timeout(PATIENCE * 1000)
  const enough = new AbortController()
  const given = AbortSignal.any([signal, patience, enough.signal])
  // Every simulated call waits with this signal.
  setMaxListeners(0, given)

  say(`Tidewatch ${version} watches a simulated model service. Console: ${instance.addresses.api}`)
  const show = ({ phase, sent, total, attackCalls }: TrafficProgress) => {
    const what = phase === 'history' ? 'three past days of traffic' : `live, ${attackCalls} calls of the attack`
    progress.update(`${elapsed()}  ${bar(sent / total)}  ${what}`)
  }
  const { startTraffic } = await import('../../examples/model-service/start.ts')
  const traffic = startTraffic({ endpoint: instance.addresses.otlpHttp!, seed: 1, now: Date.now(), onProgress: show, signal: given })
  const opened = alertAbout(traffic.attacker, instance, given)
  await traffic.history
  await instance.drained()
  const { events, alerts } = instance.status()
  say(
    `${elapsed()}  ${events} calls of the past days are learned; ${alerts === 0 ? 'no alert, as it should be' : `${alerts} alerts about others, within the budget of one false incident a day`}`,
  )
  say(`${elapsed()}  live: ${traffic.attacker} begins to copy the model`)

  const alert = await opened
  if (!alert) {
    say(signal.aborted ? 'Ended.' : `FAILED: no alert about ${traffic.attacker} within ${PATIENCE} s`)
    await traffic.done
    return false
  }
  const unfollow = followSeverity(alert, instance, (later) => {
    say(`${elapsed()}  ALERT ${later.severity.toUpperCase()}  the same incident after ${later.window.events} calls, ${chanceOf(later)}`)
  })
  say(`${elapsed()}  ALERT ${alert.severity.toUpperCase()}  ${alert.title}`)
  for (const line of evidenceLines(alert)) say(`           ${line}`)
  const delivery = await receiver.next(alert.id, given)
  say(
    delivery
      ? `${elapsed()}  WEBHOOK received, id ${delivery.id}, signature ${delivery.verified ? 'verified' : 'WRONG'}`
      : `FAILED: the webhook did not come within ${PATIENCE} s`,
  )
  if (brief) enough.abort()
  await traffic.done
  await instance.drained()
  unfollow()
  const [stored] = await instance.store.query<{ calls: number; alerts: number }>(
    'SELECT (SELECT count() FROM calls) AS calls, (SELECT count() FROM alerts) AS alerts',
  )
  say(`${elapsed()}  STORED ${stored!.calls} calls and ${stored!.alerts} alerts in the embedded store`)
  return delivery?.verified === true && stored!.alerts > 0
}

/** The first opened alert about a principal; null when the signal ends the waiting. */
function alertAbout(principal: string, instance: Instance, signal: AbortSignal): Promise<Alert | null> {
  return new Promise((resolve) => {
    const unsubscribe = instance.alerts.subscribe((alert) => {
      if (alert.status === 'opened' && alert.subject.id === principal) finish(alert)
    })
    const finish = (alert: Alert | null) => {
      unsubscribe()
      resolve(alert)
    }
    signal.addEventListener('abort', () => finish(null), { once: true })
  })
}

/** Tells of changes that raise or lower the severity of an incident, until the returned function is called. */
function followSeverity({ incident, severity }: Alert, instance: Instance, tell: (alert: Alert) => void): () => void {
  let last = severity
  return instance.alerts.subscribe((alert) => {
    if (alert.incident !== incident || alert.severity === last) return
    last = alert.severity
    tell(alert)
  })
}

function chanceOf({ pValue }: Alert): string {
  return pValue === null ? 'no p-value yet' : `p-value ${pValue.toExponential(1)}`
}

function evidenceLines(alert: Alert): string[] {
  const { subject, model, window, detectors, evidence, tags } = alert
  return [
    `who       ${subject.kind} ${subject.id}${model === null ? '' : `, model ${model}`}`,
    `found by  ${detectors.join(', ')}, ${chanceOf(alert)}`,
    ...wrapped(String(evidence.summary), 68).map((line, index) => `${index === 0 ? 'evidence' : '        '}  ${line}`),
    `since     ${window.start}, ${window.events} calls`,
    `tags      ${[...tags.atlas, ...tags.owasp].join(', ')}`,
  ]
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
