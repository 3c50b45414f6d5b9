import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { stringify } from 'yaml'
import { configHash } from '../../src/config/hash.ts'
import { type Config, configSchema } from '../../src/config/schema.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { deliveryRows } from '../../src/delivery/outbox.ts'
import type { JournalRecord } from '../../src/sources/journal/frame.ts'
import { Journal } from '../../src/sources/journal/journal.ts'
import { JOURNAL_TOPIC } from '../../src/sources/journal/source.ts'
import { openActionKey } from '../../src/stages/action-record.ts'
import { openMapper } from '../../src/stages/mapper.ts'
import { Pipeline } from '../../src/stages/pipeline.ts'
import { PoisonGuard } from '../../src/stages/poison.ts'
import { Stages } from '../../src/stages/stages.ts'
import { FORMAT_VERSION } from '../../src/store/insert.ts'
import { openStore } from '../../src/store/open.ts'
import { batchRows } from '../../src/store/rows.ts'
import type { Store } from '../../src/store/store.ts'
import { storedRows } from '../support/stored-rows.ts'

const main = join(import.meta.dirname, '../../src/cli/main.ts')

/** A real `tidewatch run`. */
export interface Watching {
  readonly otlp: string
  readonly api: string
  /** Resolves with the signal that ended it, null for an orderly end. */
  readonly ended: Promise<NodeJS.Signals | null>
  kill(signal: NodeJS.Signals): void
}

/**
 * Starts one over a data folder. Null where it was killed before it watched. `crashAt`: see `src/crash-point.ts`. `within`: a command that readies
 * what is around the process and becomes it.
 */
export async function watch(
  directory: string,
  config: object,
  crashAt: string | null,
  within: readonly string[] = [],
): Promise<Watching | null> {
  await mkdir(directory, { recursive: true })
  const file = join(directory, 'tidewatch.yaml')
  await writeFile(file, stringify(config))
  const [command, ...rest] = [...within, process.execPath, '--import', 'tsx', main, 'run', '--config', file, '--data', directory]
  const child: ChildProcess = spawn(command!, rest, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...(crashAt !== null && { TIDEWATCH_CRASH_AT: crashAt }) },
  })
  const ended = once(child, 'exit').then(([, signal]) => signal as NodeJS.Signals | null)
  const lines = createInterface({ input: child.stderr! })
  const said: string[] = []
  const watching = new Promise<Watching>((resolve) => {
    lines.on('line', (line) => {
      said.push(line)
      if (!line.startsWith('{')) return
      const { msg, otlpHttp, api } = JSON.parse(line) as { msg: string; otlpHttp: string; api: string }
      if (msg === 'watching') resolve({ otlp: otlpHttp, api, ended, kill: (signal) => void child.kill(signal) })
    })
  })
  const refused = ended.then((signal) => {
    if (signal === null) throw new Error(`it did not start: ${said.join('\n')}`)
    return null
  })
  refused.catch(() => {})
  return Promise.race([watching, refused])
}

/**
 * Sends records one after the other, as an exporter does: what was not answered is sent again. Resolves with the number of records that were
 * answered, which is less than all where the process ended.
 */
export async function feed(records: readonly JournalRecord[], { otlp, ended }: Watching): Promise<number> {
  let alive = true
  void ended.then(() => {
    alive = false
  })
  let answered = 0
  while (alive && answered < records.length) {
    const { signal, value } = records[answered]!
    const answer = await fetch(`${otlp}/v1/${signal}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: value as Uint8Array<ArrayBuffer>,
    }).catch(() => null)
    await answer?.arrayBuffer().catch(() => {})
    if (answer && answer.status !== 429 && answer.status < 500) answered++
    else await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return answered
}

/** Rows of every data table, the log's range that they come from, and what readers need to form them anew. */
export interface Seen {
  readonly rows: Record<string, string[]>
  /** The `alert` column, in log order. */
  readonly alerts: readonly string[]
}

/** What a data folder that nobody uses, or the server that its configuration names, holds. */
export async function seen(directory: string, config: Config): Promise<Seen & { readonly last: number }> {
  const store = await openStore({ ...config, data: { directory } }, 'reader')
  const epoch = await epochOf(directory)
  const last = (await store.lastRange(JOURNAL_TOPIC, epoch, 0))!.last
  const found = { ...(await read(store)), last }
  await store.close()
  return found
}

/** What a single undisturbed run over the same journal stores: a new folder, batches of another size, up to the same offset. */
export async function undisturbed(
  from: string,
  to: string,
  config: Config,
  last: number,
  batch: number,
): Promise<Seen & { readonly told: readonly Alert[] }> {
  await cp(join(from, 'journal'), join(to, 'journal'), { recursive: true, filter: (path) => !/\.json/.test(path) })
  // Where the journal has given segments up, whoever wants to know the whole log has kept them.
  await cp(join(from, 'released'), join(to, 'journal'), { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  const own: Config = { ...config, data: { ...config.data, directory: to }, store: { ...config.store, url: undefined } }
  const journal = await Journal.open({ ...config.journal, directory: join(to, 'journal'), lowWater: () => 0 })
  const store = await openStore(own, 'undisturbed')
  await store.migrate()
  const mapper = await openMapper(own)
  const actionKey = await openActionKey(own)
  const told: Alert[] = []
  const pipeline = new Pipeline({
    createStages: () => new Stages(own, mapper, actionKey),
    guard: new PoisonGuard(1, Number.MAX_SAFE_INTEGER),
    base: { salt: configHash(own), format: FORMAT_VERSION },
    stored: async () => null,
    claims: null,
    checkpoints: null,
    write: ({ range, base, outcome }) =>
      store.write({ range, base, rows: batchRows({ ...outcome, deliveries: deliveryRows(outcome.alerts, own.webhooks) }) }),
    written: ({ outcome }) => told.push(...outcome.alerts),
  })
  for (let first = journal.oldest; first <= last; ) {
    const { records, next } = await journal.read(first, { maxRecords: batch, maxBytes: 1e9 })
    const range = { topic: JOURNAL_TOPIC, epoch: journal.epoch, partition: 0, first, last: Math.min(next - 1, last) }
    await pipeline.handle(
      { ...range, records: records.filter(({ offset }) => offset <= last) },
      { heartbeat: async () => {}, owned: () => true },
    )
    first = next
  }
  await journal.close()
  const found = { ...(await read(store)), told }
  await store.close()
  return found
}

async function read(store: Store): Promise<Seen> {
  const alerts = await store.query<{ alert: string }>('SELECT alert FROM alerts ORDER BY time, id')
  return { rows: await storedRows(store), alerts: alerts.map(({ alert }) => alert) }
}

async function epochOf(directory: string): Promise<string> {
  const journal = await Journal.open({ ...configSchema.parse({}).journal, directory: join(directory, 'journal'), lowWater: () => 0 })
  await journal.close()
  return journal.epoch
}

/** Everything that was accepted is stored, as the API tells it. */
export async function drained({ api }: Watching): Promise<void> {
  // The lag is read every two seconds: it must be zero twice, further apart than that.
  for (let zeroSince: number | null = null; ; ) {
    const answer = await fetch(`${api}/api/v1/status`).catch(() => null)
    if (!answer) return
    const { lag } = (await answer.json()) as { lag: { records: number }[] }
    if (lag.length === 0 || lag.some(({ records }) => records > 0)) zeroSince = null
    else zeroSince ??= performance.now()
    if (zeroSince !== null && performance.now() - zeroSince > 2500) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Three in the afternoon of the day before: telemetry is believed only when it is recent, and hours of the day matter. */
export function yesterday(): number {
  const day = 86_400_000
  return Math.floor(Date.now() / day) * day - day + 15 * 3_600_000
}
