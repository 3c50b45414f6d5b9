import { Command } from 'commander'
import type { ShownReference } from '../server/routes/calibration.ts'
import { type ApiOptions, connect, withApiOptions } from './api-client.ts'
import { lines, table } from './table.ts'

/** `tidewatch references`: what the detectors compare subjects with. */
export function referencesCommand(): Command {
  const command = new Command('references').description('What detectors compare subjects with: list, freeze, thaw.')
  withApiOptions(command.command('list').description('List populations, their size and age.'))
    .option('--json', 'one object a line')
    .addHelpText('after', '\nExample:\n  tidewatch references list')
    .action(async ({ json, ...where }: ApiOptions & { json?: boolean }) => {
      const { items } = await (await connect(where)).get<{ items: ShownReference[] }>('/api/v1/references')
      process.stdout.write(json ? lines(items) : table(items.map(rowOf)))
    })
  for (const [kind, description] of [
    ['freeze', 'Let a population teach its reference nothing more: what comes now must not become the norm.'],
    ['thaw', 'Let it teach again.'],
  ] as const) {
    withApiOptions(command.command(`${kind} <detector> <population>`).description(description))
      .option('--note <text>', 'why; stored with the action')
      .addHelpText('after', `\nExample:\n  tidewatch references ${kind} query-shift production/chat/acme-chat --note "incident 42"`)
      .action(async (detector: string, population: string, { note, ...where }: ApiOptions & { note?: string }) => {
        const { id } = await (await connect(where)).post<{ id: string }>(`/api/v1/references/${kind}`, { detector, population, note })
        process.stderr.write(`tidewatch: ${kind === 'freeze' ? 'frozen' : 'thawed'} (${id}), from its place in the log on\n`)
      })
  }
  return command
}

function rowOf({ detector, population, subjects, since, lacks, frozen }: ShownReference): string[] {
  const state = frozen === null ? (lacks === null ? 'armed' : `lacks ${lacks}`) : `frozen by ${frozen.by} ${frozen.time.slice(0, 19)}Z`
  return [detector, population, `${subjects} subjects`, `since ${since.slice(0, 19)}Z`, state]
}
