import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Command, Option } from 'commander'
import { compare, summarize } from '../backtest/compare.ts'
import { parseRangeWish, parseTime } from '../backtest/kafka-wishes.ts'
import type { Traffic } from '../backtest/traffic.ts'
import { configHash } from '../config/hash.ts'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import type { Alert } from '../decisions/alert.ts'
import { TidewatchError } from '../errors.ts'
import { alertSchema } from '../server/schemas.ts'
import { backtestPage, type Side } from './backtest-page.ts'
import { createProgress, travelled } from './progress.ts'
import { lines } from './table.ts'

interface Options {
  readonly config: string
  readonly against?: string
  readonly history?: string
  readonly kafka?: readonly string[]
  readonly brokers?: string
  readonly stored?: true | 'raw' | 'rows'
  readonly data?: string
  readonly from?: string
  readonly to?: string
  readonly hashIdentities?: boolean
  readonly json?: boolean
}

/** Stands for the alerts in the store, in place of a file of alerts. */
const STORED = 'stored'

/** `tidewatch backtest FILE... --config A [--against B | --history ALERTS]`: what another configuration would have said. */
export function backtestCommand(): Command {
  return new Command('backtest')
    .description(
      'Run a configuration over recorded traffic and compare its incidents with those of another, or with alerts that were written.',
    )
    .argument('[file...]', 'OTLP/JSON lines (.jsonl, .jsonl.gz) or single requests (.json, .bin), read as one log in this order')
    .requiredOption('--config <file>', 'the configuration to try')
    .option('--against <file>', 'the configuration to compare with (default: all defaults)')
    .option(
      '--history <file>',
      `compare with alerts as \`replay --alerts\` or \`alerts list --json\` wrote them; \`${STORED}\`: with those of --stored's store`,
    )
    .addOption(
      new Option(
        '--kafka <range>',
        'instead of files: TOPIC[:PARTITION][@FROM..TO], ends being offsets or times; may be given again',
      ).argParser((range: string, before: readonly string[] = []) => [...before, range]),
    )
    .option('--brokers <list>', 'host:port of the brokers, instead of kafka.brokers of --config')
    .addOption(
      new Option(
        '--stored [what]',
        'instead of files: what an instance stored; raw records where its journal still holds them, else rows',
      ).choices(['raw', 'rows']),
    )
    .option('--data <directory>', 'with --stored: its data folder, instead of data.directory of --config')
    .option('--from <time>', 'with --stored: from this time on')
    .option('--to <time>', 'with --stored: up to this time')
    .option('--hash-identities', 'keyed hashes instead of clear identities; a history of a running instance has hashes (so has --stored)')
    .option('--json', 'one object')
    .addHelpText(
      'after',
      `
Every run begins with empty references: give it some days before those that you ask about. Of a range in Kafka, FROM is the first record
and TO the one behind the last; either may be left out. No consumer group is joined and nobody's offsets change. Rows of the store have no
embeddings, activations and update sketches: the detectors that need them are named, and say nothing.

Examples:
  tidewatch backtest monday.jsonl.gz --config stricter.yaml
  tidewatch backtest *.jsonl.gz --config new.yaml --against tidewatch.yaml --json
  tidewatch backtest monday.jsonl.gz --config new.yaml --history alerts.ndjson
  tidewatch backtest --kafka otlp_spans@2026-03-01..2026-03-08 --config new.yaml --against tidewatch.yaml
  tidewatch backtest --kafka otlp_spans:0@120000..180000 --kafka otlp_logs --brokers kafka:9092 --config new.yaml
  tidewatch backtest --stored --data /var/lib/tidewatch --from 2026-03-01 --config new.yaml --history stored`,
    )
    .action(backtest)
}

async function backtest(files: string[], options: Options): Promise<void> {
  checkUse(files, options)
  const tried = configOf(options.config, options)
  const { filesTraffic, kafkaTraffic, storedTraffic } = await import('../backtest/traffic.ts')
  const open = async (): Promise<Traffic> => {
    if (options.kafka) {
      const brokers = options.brokers?.split(',').map((broker) => broker.trim())
      return kafkaTraffic({ ...tried.kafka, ...(brokers && { brokers }) }, options.kafka.map(parseRangeWish))
    }
    if (options.stored !== undefined) {
      const time = (name: 'from' | 'to') =>
        options[name] === undefined ? null : parseTime(options[name], `--${name} ${options[name]}`) * 1000
      const prefer = options.stored === true ? null : options.stored
      const data = options.data === undefined ? tried.data : { ...tried.data, directory: options.data }
      return storedTraffic({ ...tried, data }, { from: time('from'), to: time('to') }, prefer)
    }
    return filesTraffic(files)
  }
  const traffic = await open()
  try {
    const before = await otherSide(traffic, options)
    const after = await run(traffic, options.config, options)
    const comparison = compare(before.incidents, after.incidents)
    if (options.json) {
      const { name, kind, blind } = traffic
      process.stdout.write(
        lines([{ traffic: { name, kind, blind, lacks: traffic.lacks() }, before: sideOf(before), after: sideOf(after), ...comparison }]),
      )
    } else process.stdout.write(backtestPage(traffic, before, after, comparison))
  } finally {
    await traffic.close()
  }
}

function checkUse(files: readonly string[], { against, history, kafka, stored, brokers, data, from, to }: Options): void {
  const refuse = (detail: string) => {
    throw new TidewatchError('TW_USAGE', detail)
  }
  if (against !== undefined && history !== undefined)
    refuse('compare with a configuration (--against) or with a history (--history), not with both')
  const inputs = [files.length > 0, kafka !== undefined, stored !== undefined].filter(Boolean).length
  if (inputs !== 1) refuse('name what to read: files, --kafka ranges, or --stored')
  if (kafka === undefined && brokers !== undefined) refuse('--brokers goes with --kafka')
  if (stored === undefined && (data ?? from ?? to) !== undefined) refuse('--data, --from and --to go with --stored')
  if (history === STORED && stored === undefined) refuse(`--history ${STORED} goes with --stored`)
}

/** Replays show identities in the clear unless asked for hashes; what is stored has them as they were stored. */
function configOf(path: string | undefined, { hashIdentities = false, stored }: Options): Config {
  const loaded = loadConfig({ path, env: process.env })
  return stored === undefined ? { ...loaded, identity: { ...loaded.identity, hash: hashIdentities } } : loaded
}

async function otherSide(traffic: Traffic, options: Options): Promise<Side> {
  const { history } = options
  if (history === undefined) return run(traffic, options.against, options)
  return history === STORED ? historySide('the alerts in the store', (await traffic.history()) ?? []) : historyOf(history)
}

async function run(traffic: Traffic, path: string | undefined, options: Options): Promise<Side> {
  const config = configOf(path, options)
  const name = path ?? 'the defaults'
  const progress = createProgress()
  const started = performance.now()
  const alerts: Alert[] = []
  const { events, deadLetters } = await traffic.run(config, {
    onOutcome: async (outcome) => {
      alerts.push(...outcome.alerts)
    },
    onProgress: (come) => progress.update(`${name}  ${travelled(come, (performance.now() - started) / 1000)}`),
  })
  progress.done()
  const refused = Object.values(deadLetters).reduce((sum, count) => sum + count, 0)
  return { name, config: configHash(config), events, deadLetters: refused, alerts: alerts.length, incidents: summarize(alerts) }
}

async function historyOf(path: string): Promise<Side> {
  const alerts: Alert[] = []
  const file = createReadStream(path)
  try {
    let number = 0
    for await (const line of createInterface({ input: file })) {
      number++
      if (line.trim() !== '') alerts.push(parseAlert(line, `${path}:${number}`))
    }
  } catch (error) {
    if (error instanceof TidewatchError) throw error
    throw new TidewatchError('TW_SOURCE_UNREADABLE', `${path}: ${(error as Error).message}`, { cause: error })
  }
  // A list of the API begins with the newest.
  alerts.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
  return historySide(path, alerts)
}

function historySide(name: string, alerts: readonly Alert[]): Side {
  return { name, config: null, events: null, deadLetters: null, alerts: alerts.length, incidents: summarize(alerts) }
}

function parseAlert(line: string, where: string): Alert {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    value = null
  }
  if (!alertSchema.safeParse(value).success) throw new TidewatchError('TW_SOURCE_UNREADABLE', `${where} is no alert`)
  return value as Alert
}

function sideOf({ incidents, ...side }: Side) {
  return { ...side, incidents: incidents.length }
}
