import { Command, CommanderError } from 'commander'
import { TidewatchError } from '../errors.ts'
import { backtestCommand } from './backtest.ts'
import { backupCommand, restoreCommand } from './backup.ts'
import { configCommand } from './config.ts'
import { deadlettersCommand } from './deadletters.ts'
import { demoCommand } from './demo.ts'
import { detectorsCommand } from './detectors.ts'
import { expectCommand } from './expect.ts'
import { alertsCommand, incidentsCommand } from './incidents.ts'
import { inspectCommand } from './inspect.ts'
import { principalsCommand } from './principals.ts'
import { referencesCommand } from './references.ts'
import { replayCommand } from './replay.ts'
import { runCommand } from './run.ts'
import { statusCommand } from './status.ts'
import { version } from './version.ts'
import { webhooksCommand } from './webhooks.ts'

function program(): Command {
  const root = new Command('tidewatch')
    .description('Watches machine-learning services through their own telemetry.')
    .version(version)
    .showHelpAfterError('(see --help)')
    .addHelpText(
      'after',
      `
Examples:
  tidewatch demo                              see an attack being found, nothing else needed
  tidewatch run                               watch; OTLP on 4317 and 4318, console on 8686
  tidewatch inspect spans.jsonl               what Tidewatch understands of your telemetry
  tidewatch replay spans.jsonl.gz --alerts -  what it would have reported
  tidewatch incidents list                    what a running instance found`,
    )
  const commands = [
    runCommand(),
    demoCommand(),
    statusCommand(),
    replayCommand(),
    backtestCommand(),
    inspectCommand(),
    incidentsCommand(),
    alertsCommand(),
    webhooksCommand(),
    deadlettersCommand(),
    backupCommand(),
    restoreCommand(),
    principalsCommand(),
    referencesCommand(),
    expectCommand(),
    detectorsCommand(),
    configCommand(),
  ]
  for (const command of commands) root.addCommand(command)
  throwing(root)
  return root
}

/** Wrong use is an error here, in subcommands as well, and not the end of the process. */
function throwing(command: Command): void {
  command.exitOverride()
  for (const each of command.commands) throwing(each as Command)
}

/** Runs one command line and tells of errors on stderr. Exit code: 0 done, 1 failed, 2 wrong use. */
export async function runProgram(args: readonly string[]): Promise<number> {
  try {
    await program().parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    return tell(error)
  }
}

/** Tells of an error on stderr and gives the exit code that it stands for. */
export function tell(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof TidewatchError) {
    process.stderr.write(`tidewatch: ${error.message} [${error.code}]\n  ${error.action}\n`)
    return error.code === 'TW_USAGE' || error.code === 'TW_CONFIG_INVALID' || error.code === 'TW_CONFIG_UNREADABLE' ? 2 : 1
  }
  process.stderr.write(`tidewatch: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  return 1
}
