import { Command } from 'commander'
import type { Alert } from '../decisions/alert.ts'
import { type ApiOptions, connect, withApiOptions } from './api-client.ts'
import { lines, table } from './table.ts'

interface Found {
  readonly id: string
  readonly calls: number
  readonly first: string | null
  readonly last: string | null
  readonly models: readonly string[]
  readonly incidents: readonly Alert[]
}

/** `tidewatch principals find`: from a name that somebody holds to the hash that alerts show. */
export function principalsCommand(): Command {
  const command = new Command('principals').description('Who asks the models.')
  withApiOptions(command.command('find <clear-id>').description('Print what is stored instead of an identity, and what is known of it.'))
    .option('--json', 'as the API answers it')
    .addHelpText(
      'after',
      '\nThe clear id goes to the running instance, which holds the key, and is stored nowhere.\n\nExample:\n  tidewatch principals find user-42',
    )
    .action(async (clear: string, { json, ...where }: ApiOptions & { json?: boolean }) => {
      const found = await (await connect(where)).post<Found>('/api/v1/principals/find', { id: clear })
      process.stdout.write(json ? lines([found]) : page(found))
    })
  return command
}

function page({ id, calls, first, last, models, incidents }: Found): string {
  const facts = [
    ['stored as', id],
    ['calls', calls === 0 ? 'none' : `${calls}, from ${first} to ${last}`],
    ['models', models.join(', ') || 'none'],
    ['incidents', incidents.length === 0 ? 'none' : ''],
  ]
  const list = incidents.map(({ incident, time, status, severity, title }) => [
    `  ${incident}`,
    `${time.slice(0, 19)}Z`,
    status,
    severity,
    title,
  ])
  return table(facts) + table(list)
}
