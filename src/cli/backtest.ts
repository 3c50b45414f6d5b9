import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Command } from 'commander'
import { type Comparison, compare, type IncidentSummary, summarize } from '../backtest/compare.ts'
import { configHash } from '../config/hash.ts'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import type { Alert } from '../decisions/alert.ts'
import { TidewatchError } from '../errors.ts'
import { alertSchema } from '../server/schemas.ts'
import { bar, createProgress } from './progress.ts'
import { lines, table } from './table.ts'

interface Options {
  readonly config: string
  readonly against?: string
  readonly history?: string
  readonly hashIdentities?: boolean
  readonly json?: boolean
}

/** One side of the comparison. */
interface Side {
  /** File of the configuration or of the history. */
  readonly name: string
  /** Hash of the configuration; null for a history. */
  readonly config: string | null
  readonly events: number | null
  readonly alerts: number
  readonly incidents: readonly IncidentSummary[]
}

/** `tidewatch backtest FILE... --config A [--against B | --history ALERTS]`: what another configuration would have said. */
export function backtestCommand(): Command {
  return new Command('backtest')
    .description(
      'Run a configuration over recorded traffic and compare its incidents with those of another, or with alerts that were written.',
    )
    .argument('<file...>', 'OTLP/JSON lines (.jsonl, .jsonl.gz) or single requests (.json, .bin), read as one log in this order')
    .requiredOption('--config <file>', 'the configuration to try')
    .option('--against <file>', 'the configuration to compare with (default: all defaults)')
    .option('--history <file>', 'compare with alerts as `replay --alerts` or `alerts list --json` wrote them')
    .option('--hash-identities', 'keyed hashes instead of clear identities; a history of a running instance has hashes')
    .option('--json', 'one object')
    .addHelpText(
      'after',
      `
Examples:
  tidewatch backtest monday.jsonl.gz --config stricter.yaml
  tidewatch backtest *.jsonl.gz --config new.yaml --against tidewatch.yaml --json
  tidewatch backtest monday.jsonl.gz --config new.yaml --history alerts.ndjson`,
    )
    .action(async (files: string[], options: Options) => {
      if (options.against !== undefined && options.history !== undefined) {
        throw new TidewatchError('TW_USAGE', 'compare with a configuration (--against) or with a history (--history), not with both')
      }
      const before = options.history === undefined ? await replayed(files, options.against, options) : await historyOf(options.history)
      const after = await replayed(files, options.config, options)
      const comparison = compare(before.incidents, after.incidents)
      process.stdout.write(
        options.json ? lines([{ before: sideOf(before), after: sideOf(after), ...comparison }]) : page(before, after, comparison),
      )
    })
}

async function replayed(files: readonly string[], path: string | undefined, { hashIdentities = false }: Options): Promise<Side> {
  const loaded = loadConfig({ path, env: process.env })
  const config: Config = { ...loaded, identity: { ...loaded.identity, hash: hashIdentities } }
  const name = path ?? 'the defaults'
  const progress = createProgress()
  const alerts: Alert[] = []
  const { replayFiles } = await import('../stages/replay.ts')
  const { events } = await replayFiles(files, config, {
    storeDirectory: null,
    onOutcome: async (outcome) => {
      alerts.push(...outcome.alerts)
    },
    onProgress: ({ share, events }) => progress.update(`${name}  ${bar(share)}  ${events} events`),
  })
  progress.done()
  return { name, config: configHash(config), events, alerts: alerts.length, incidents: summarize(alerts) }
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
  return { name: path, config: null, events: null, alerts: alerts.length, incidents: summarize(alerts) }
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

function page(before: Side, after: Side, { added, gone, changed, same }: Comparison): string {
  const sides = [before, after].map(({ name, events, incidents, alerts }) => {
    return [name, events === null ? '' : `${events} events`, `${incidents.length} incidents`, `${alerts} alerts`]
  })
  const rows = [
    ...added.map((one) => row('new', one)),
    ...gone.map((one) => row('gone', one)),
    ...changed.map(({ before: was, after: is, differs }) => {
      const severity = was.severity === is.severity ? is.severity : `${was.severity} -> ${is.severity}`
      const opened = was.opened === is.opened ? timeOf(is.opened) : `${timeOf(was.opened)} -> ${timeOf(is.opened)}`
      return ['changed', opened, severity, is.category, `${is.subject.kind} ${is.subject.id}`, `${is.title}  (${differs.join(', ')})`]
    }),
  ]
  const counts = `${added.length} new, ${gone.length} gone, ${changed.length} changed, ${same.length} the same`
  return [table(sides), ...(rows.length === 0 ? [] : ['\n', table(rows)]), '\n', `${counts}\n`].join('')
}

function row(change: string, { opened, severity, category, subject, title }: IncidentSummary): string[] {
  return [change, timeOf(opened), severity, category, `${subject.kind} ${subject.id}`, title]
}

function timeOf(iso: string): string {
  return `${iso.slice(0, 19)}Z`
}
