import { once } from 'node:events'
import { type FileHandle, open } from 'node:fs/promises'
import { Command } from 'commander'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import type { Alert } from '../decisions/alert.ts'
import { TidewatchError } from '../errors.ts'
import { bar, createProgress } from './progress.ts'

interface Options {
  readonly config?: string
  readonly alerts?: string
  readonly scores?: string
  readonly store?: string
  readonly hashIdentities?: boolean
  readonly quiet?: boolean
}

/** Lines to a file or, for `-`, to stdout; waits when the reader is slower than the pipeline. Throws TW_OUTPUT_UNWRITABLE. */
class LineOutput {
  private readonly path: string
  /** Null for stdout. */
  private readonly file: FileHandle | null

  private constructor(path: string, file: FileHandle | null) {
    this.path = path
    this.file = file
  }

  static async open(path: string): Promise<LineOutput> {
    return new LineOutput(path, path === '-' ? null : await open(path, 'w').catch(unwritable(path)))
  }

  async write(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return
    const text = `${lines.join('\n')}\n`
    if (this.file) await this.file.appendFile(text).catch(unwritable(this.path))
    else if (!process.stdout.write(text)) await once(process.stdout, 'drain')
  }

  async close(): Promise<void> {
    await this.file?.close().catch(unwritable(this.path))
  }
}

function unwritable(path: string): (cause: Error) => never {
  return (cause) => {
    throw new TidewatchError('TW_OUTPUT_UNWRITABLE', `${path}: ${cause.message}`, { cause })
  }
}

/** `tidewatch replay FILE...`: the whole pipeline over files, as fast as it can. */
export function replayCommand(): Command {
  return new Command('replay')
    .description('Run the whole pipeline over files and end. The same files and configuration give the same bytes.')
    .argument('<file...>', 'OTLP/JSON lines (.jsonl, .jsonl.gz) or single requests (.json, .bin), read as one log in this order')
    .option('--config <file>', 'configuration; none is read unless this names one')
    .option('--alerts <out>', 'write every change of an incident as a JSON line (- for stdout)')
    .option('--scores <out>', 'write every observation as a JSON line (- for stdout)')
    .option('--store <directory>', 'store calls, alerts and the rest in an embedded store in this folder')
    .option('--hash-identities', 'keyed hashes instead of clear identities')
    .option('--quiet', 'no summary')
    .addHelpText(
      'after',
      `
Examples:
  tidewatch replay spans.jsonl.gz --alerts alerts.ndjson
  tidewatch replay monday.jsonl tuesday.jsonl --config tidewatch.yaml --alerts -
  tidewatch replay spans.jsonl --scores scores.ndjson --store ./replayed`,
    )
    .action(async (files: string[], options: Options) => {
      const config = loadConfig({ path: options.config, env: process.env })
      await replay(files, withIdentities(config, options.hashIdentities ?? false), options)
    })
}

/** Replays show identities in the clear unless asked for hashes. */
function withIdentities(config: Config, hash: boolean): Config {
  return { ...config, identity: { ...config.identity, hash } }
}

async function replay(files: readonly string[], config: Config, options: Options): Promise<void> {
  const alerts = options.alerts === undefined ? null : await LineOutput.open(options.alerts)
  const scores = options.scores === undefined ? null : await LineOutput.open(options.scores)
  const progress = createProgress()
  const started = performance.now()
  const opened = new Map<string, Alert>()
  const { replayFiles } = await import('../stages/replay.ts')
  const summary = await replayFiles(files, config, {
    storeDirectory: options.store ?? null,
    onOutcome: async (outcome) => {
      for (const alert of outcome.alerts) if (alert.status === 'opened') opened.set(alert.incident, alert)
      await alerts?.write(outcome.alerts.map((alert) => JSON.stringify(alert)))
      await scores?.write(
        outcome.observations.map(({ time, detector, subject, score, pValue, ref, metric }) =>
          JSON.stringify({
            time: new Date(time / 1000).toISOString(),
            detector,
            subject,
            score,
            pValue,
            ref,
            ...(metric === null ? {} : { metric }),
          }),
        ),
      )
    },
    onProgress: ({ share, events }) => progress.update(`${bar(share)}  ${events} events`),
  })
  progress.done()
  await alerts?.close()
  await scores?.close()
  if (options.quiet) return
  const seconds = (performance.now() - started) / 1000
  const lines = [
    `${summary.events} events from ${summary.records} records in ${seconds.toFixed(1)} s (${Math.round(summary.events / seconds)}/s)`,
    ...counted('  events', summary.byKind),
    ...counted('  refused', summary.deadLetters),
    ...counted('  clamped', summary.clamped),
    ...counted('  ignored', summary.ignored),
    `${opened.size} incident${opened.size === 1 ? '' : 's'} opened`,
    ...[...opened.values()].map(
      ({ time, severity, category, subject, title, pValue }) =>
        `  ${time.slice(0, 19)}  ${severity.padEnd(8)}  ${category.padEnd(10)}  ${subject.kind} ${subject.id}  ${title}${pValue === null ? '' : `  (p ${pValue.toExponential(1)})`}`,
    ),
    ...summary.warmUp.map(({ detector, population, lacks }) => `  not armed: ${detector} on ${population}: ${lacks}`),
  ]
  process.stderr.write(`${lines.join('\n')}\n`)
}

function counted(label: string, counts: Readonly<Record<string, number>>): string[] {
  const entries = Object.entries(counts)
  return entries.length === 0 ? [] : [`${label}: ${entries.map(([name, count]) => `${name} ${count}`).join(', ')}`]
}
