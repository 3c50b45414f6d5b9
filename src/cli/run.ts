import { Command } from 'commander'
import { defaultConfigPath, loadConfig } from '../config/load.ts'
import { type Config, configSchema, type StageName } from '../config/schema.ts'
import { TidewatchError } from '../errors.ts'
import { createLog } from '../observability/log.ts'
import { version } from './version.ts'

/** A stop that takes longer is cut off: supervisors kill after ten seconds or more. */
const STOP_DEADLINE = 9500

/** `tidewatch run`: watches until it is told to stop. */
export function runCommand(): Command {
  return new Command('run')
    .description('Watch: take telemetry in, detect, store, alert. Ends cleanly on SIGTERM and SIGINT.')
    .option('--config <file>', 'configuration (default: ./tidewatch.yaml where it exists, else the defaults)')
    .option('--data <directory>', 'data folder, instead of data.directory')
    .option('--stages <list>', 'stages that this process runs, of ingest, detect and decide (default: all); Kafka between them')
    .addHelpText(
      'after',
      `
With no configuration at all it takes OTLP on 127.0.0.1:4317 (gRPC) and :4318 (HTTP), keeps everything in ./tidewatch-data,
and shows it on http://127.0.0.1:8686.

Examples:
  tidewatch run
  tidewatch run --config tidewatch.yaml
  tidewatch run --config tidewatch.yaml --stages ingest,detect    others of the group decide
  OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 tidewatch run    with Tidewatch's own telemetry`,
    )
    .action(async ({ config: path, data, stages }: { config?: string; data?: string; stages?: string }) => {
      const loaded = loadConfig({ path: path ?? defaultConfigPath(), env: process.env })
      await run({
        ...loaded,
        ...(data !== undefined && { data: { ...loaded.data, directory: data } }),
        ...(stages !== undefined && { stages: stagesOf(stages, loaded) }),
      })
    })
}

/** Throws TW_CONFIG_INVALID for a list of anything else. */
function stagesOf(text: string, config: Config): StageName[] {
  const chosen = configSchema.safeParse({ stages: text.split(',').map((name) => name.trim()), kafka: { brokers: config.kafka.brokers } })
  if (chosen.success) return chosen.data.stages
  throw new TidewatchError('TW_CONFIG_INVALID', `--stages ${text}: ${chosen.error.issues[0]!.message}`)
}

async function run(config: Config): Promise<void> {
  const log = createLog(config.log)
  const stopped = new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve(name))
  })
  // Loaded here, so that `--help` does not wait for what only a running instance needs.
  const { startInstance } = await import('../stages/instance.ts')
  const instance = await startInstance(config, { log, version })
  log.info({ version, ...instance.addresses }, 'watching')
  const reason = await Promise.race([stopped, instance.failed])
  if (typeof reason === 'string') log.info({ reason }, 'draining')
  const deadline = setTimeout(() => {
    log.error('the stop took too long; what is unfinished is done again after the next start')
    process.exit(1)
  }, STOP_DEADLINE)
  await instance.stop()
  clearTimeout(deadline)
  log.info('stopped')
  if (reason instanceof Error) throw reason
}
