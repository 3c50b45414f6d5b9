import { Command } from 'commander'
import type { Answered } from '../delivery/test-alert.ts'
import { TidewatchError } from '../errors.ts'
import { type ApiOptions, connect, withApiOptions } from './api-client.ts'
import { lines, printable, table } from './table.ts'

interface Receiver {
  readonly name: string
  readonly url: string
  readonly format: string
  readonly minSeverity: string
  readonly categories: readonly string[] | null
  readonly waiting: number
  readonly more: boolean
  readonly failures: number
  readonly lastFailure: string | null
}

interface TestOptions extends ApiOptions {
  readonly all?: boolean
  readonly json?: boolean
}

/** `tidewatch webhooks`: who is told, and whether they hear it. */
export function webhooksCommand(): Command {
  const command = new Command('webhooks').description('Receivers of alerts: list them, test them.')
  withApiOptions(command.command('list').description('List the receivers, and what waits for them.'))
    .option('--json', 'one object a line')
    .addHelpText('after', '\nExample:\n  tidewatch webhooks list')
    .action(async ({ json, ...where }: ApiOptions & { json?: boolean }) => {
      const { items } = await (await connect(where)).get<{ items: Receiver[] }>('/api/v1/webhooks')
      process.stdout.write(json ? lines(items) : table(items.map(rowOf)))
    })
  withApiOptions(command.command('test [name]').description('Send a test alert and its end, and show what the receiver answered.'))
    .option('--all', 'to every receiver')
    .option('--json', 'one object a line')
    .addHelpText(
      'after',
      '\nExit code 1 where one did not take it.\n\nExamples:\n  tidewatch webhooks test pager\n  tidewatch webhooks test --all',
    )
    .action(async (name: string | undefined, { all, json, ...where }: TestOptions) => {
      if ((name === undefined) === (all === undefined)) throw new TidewatchError('TW_USAGE', 'name one receiver, or say --all')
      const api = await connect(where)
      const names = name === undefined ? (await api.get<{ items: Receiver[] }>('/api/v1/webhooks')).items.map((each) => each.name) : [name]
      for (const each of names) {
        const result = await api.post<{ name: string; answers: Answered[] }>(`/api/v1/webhooks/${encodeURIComponent(each)}/test`, {})
        process.stdout.write(json ? lines([result]) : result.answers.map((answer) => told(each, answer)).join(''))
        if (!result.answers.every(({ delivered }) => delivered)) process.exitCode = 1
      }
    })
  return command
}

function rowOf({ name, format, url, minSeverity, categories, waiting, more, failures, lastFailure }: Receiver): string[] {
  const rules = [...(categories ?? []), ...(minSeverity === 'low' ? [] : [`from ${minSeverity}`])].join(',') || 'all'
  const state = lastFailure === null ? 'well' : `${failures} attempts failed, last: ${lastFailure}`
  return [name, format, url, rules, `${waiting}${more ? '+' : ''} waiting`, state]
}

function told(name: string, { change, delivered, status, reason, text, milliseconds }: Answered): string {
  const outcome = delivered ? `taken (HTTP ${status}, ${milliseconds} ms)` : `not taken: ${reason}`
  const answer = text.trim() === '' ? '' : `\n  ${printable(text.trim().replace(/\s+/g, ' '))}`
  return `${name}: ${change} ${outcome}${answer}\n`
}
