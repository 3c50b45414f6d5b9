import { Command, Option } from 'commander'
import type { ShownExpectation } from '../server/routes/calibration.ts'
import { type ApiOptions, connect, withApiOptions } from './api-client.ts'
import { lines, table } from './table.ts'

interface Announcement {
  readonly from: string
  readonly to: string
  readonly model?: string
  readonly service?: string
  readonly category?: string
  readonly note?: string
}

/** `tidewatch expect`: changes that are announced, so that they wake nobody and teach nothing. */
export function expectCommand(): Command {
  const command = new Command('expect').description('Announce a load test or a release: add, list, remove.')
  withApiOptions(
    command
      .command('add')
      .description('Announce a change. What is noticed in it is recorded, nobody is told, and nothing is learned from it.'),
  )
    .requiredOption('--from <time>', 'event time, ISO 8601')
    .requiredOption('--to <time>', 'event time, ISO 8601')
    .option('--model <name>', 'only of this model')
    .option('--service <name>', 'only of this service')
    .addOption(
      new Option('--category <name>', 'only of this category').choices(['extraction', 'poisoning', 'activation', 'signal', 'trust']),
    )
    .option('--note <text>', 'what it is; alerts carry it')
    .addHelpText(
      'after',
      `
Example:
  tidewatch expect add --from 2026-03-04T10:00:00Z --to 2026-03-04T12:00:00Z --model acme-chat --note "load test"`,
    )
    .action(async ({ from, to, model, service, category, note, ...where }: ApiOptions & Announcement) => {
      const body = { from, until: to, model, service, category, note }
      const { id } = await (await connect(where)).post<{ id: string }>('/api/v1/expectations', body)
      process.stdout.write(`${id}\n`)
    })
  withApiOptions(command.command('list').description('List announced changes.'))
    .option('--json', 'one object a line')
    .addHelpText('after', '\nExample:\n  tidewatch expect list')
    .action(async ({ json, ...where }: ApiOptions & { json?: boolean }) => {
      const { items } = await (await connect(where)).get<{ items: ShownExpectation[] }>('/api/v1/expectations')
      process.stdout.write(json ? lines(items) : table(items.map(rowOf)))
    })
  withApiOptions(command.command('remove <id>').description('Call an announced change off.'))
    .option('--note <text>', 'why; stored with the action')
    .addHelpText('after', '\nExample:\n  tidewatch expect remove act_4f1c9a7b3d2e5f6071829304')
    .action(async (id: string, { note, ...where }: ApiOptions & { note?: string }) => {
      await (await connect(where)).post(`/api/v1/expectations/${encodeURIComponent(id)}/withdraw`, { note })
    })
  return command
}

function rowOf({ id, from, until, model, service, category, by, note }: ShownExpectation): string[] {
  const about = [category, model, service].filter((one) => one !== null).join(' ') || 'everything'
  return [id, `${from.slice(0, 19)}Z`, `${until.slice(0, 19)}Z`, about, by, note]
}
