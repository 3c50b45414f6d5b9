import { once } from 'node:events'
import { type FileHandle, open } from 'node:fs/promises'
import { Command } from 'commander'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import type { Alert } from '../decisions/alert.ts'
import { TidewatchError } from '../errors.ts'
import { createProgress, travelled } from './progress.ts'
import { replaySummary } from './replay-summary.ts'

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
On a terminal it shows how far it has come; at its end it tells, on stderr, what was read and refused, what was found, and what of the
false-alarm budget the tests took.

Examples:
  tidewatch replay spans.jsonl.gz --alerts alerts.ndjson             every change of an incident, a JSON line each
  tidewatch replay monday.jsonl tuesday.jsonl --config tidewatch.yaml --alerts - | jq .title
  tidewatch replay spans.jsonl --scores scores.ndjson                what every detector said of every subject
  tidewatch replay *.jsonl.gz --store ./replayed                     then: tidewatch incidents list --data ./replayed`,
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
  const seconds = () => (performance.now() - started) / 1000
  const opened: Alert[] = []
  const { replayFiles } = await import('../stages/replay.ts')
  const summary = await replayFiles(files, config, {
    storeDirectory: options.store ?? null,
    onOutcome: async (outcome) => {
      opened.push(...outcome.alerts.filter(({ status }) => status === 'opened'))
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
    onProgress: (come) => progress.update(travelled(come, seconds())),
  })
  progress.done()
  await alerts?.close()
  await scores?.close()
  if (!options.quiet) process.stderr.write(replaySummary(summary, opened, seconds()))
}
