import { Command, Option } from 'commander'
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
  readonly dead: number
}

interface Delivery {
  readonly id: string
  readonly target: string
  readonly state: string
  readonly attempts: number
  readonly created: string
  readonly httpStatus: number
  readonly reason: string
}

interface DeliveriesOptions extends ApiOptions {
  readonly target?: string
  readonly state?: string
  readonly limit: string
  readonly before?: string
  readonly json?: boolean
}

interface ReplayOptions extends ApiOptions {
  readonly target?: string
  readonly since?: string
  readonly state?: string
  readonly json?: boolean
}

interface TestOptions extends ApiOptions {
  readonly all?: boolean
  readonly json?: boolean
}

/** `tidewatch webhooks`: who is told, and whether they hear it. */
export function webhooksCommand(): Command {
  const command = new Command('webhooks').description('Receivers of alerts and what was sent: list, test, send again.')
  withApiOptions(command.command('list').description('List the receivers, and what waits for them.'))
    .option('--json', 'one object a line')
    .addHelpText('after', '\nExample:\n  tidewatch webhooks list')
    .action(async ({ json, ...where }: ApiOptions & { json?: boolean }) => {
      const { items } = await (await connect(where)).get<{ items: Receiver[] }>('/api/v1/webhooks')
      process.stdout.write(json ? lines(items) : table(items.map(rowOf)))
    })
  withApiOptions(command.command('deliveries').description('List what was sent, waits, or was given up, newest alerts first.'))
    .option('--target <name>', 'only to this receiver')
    .addOption(new Option('--state <state>', 'only in this state').choices([...settled, 'pending', 'attempted']))
    .option('--limit <n>', 'at most so many, 1 to 500', '50')
    .option('--before <place>', 'go on behind the page that told this place')
    .option('--json', 'one object a line')
    .addHelpText('after', '\nExample:\n  tidewatch webhooks deliveries --state dead')
    .action(async ({ target, state, limit, before, json, ...where }: DeliveriesOptions) => {
      const api = await connect(where)
      const query = { target, state, limit, before }
      const { items, next } = await api.get<{ items: Delivery[]; next: string | null }>('/api/v1/webhooks/deliveries', query)
      process.stdout.write(json ? lines(items) : table(items.map(deliveryOf)))
      if (next !== null) process.stderr.write(`more: --before ${next}\n`)
    })
  withApiOptions(command.command('replay [id]').description('Send webhooks again that were sent, given up or skipped: same id, same body.'))
    .option('--target <name>', 'to this receiver')
    .option('--since <time>', 'alerts of this event time or later, ISO 8601')
    .addOption(new Option('--state <state>', 'only those that ended so').choices(settled))
    .option('--json', 'one object a line')
    .addHelpText(
      'after',
      '\nExamples:\n  tidewatch webhooks replay alert_5e0c1d6f2b7a4c3d9e8f0a1b\n  tidewatch webhooks replay --target pager --state dead --since 2026-03-01T00:00:00Z',
    )
    .action(async (id: string | undefined, { target, since, state, json, ...where }: ReplayOptions) => {
      if ([id, target, since, state].every((value) => value === undefined))
        throw new TidewatchError('TW_USAGE', 'name an alert, or say which with --target, --since and --state')
      const api = await connect(where)
      const { items } = await api.post<{ items: Pick<Delivery, 'id' | 'target'>[] }>('/api/v1/webhooks/deliveries/replay', {
        ...{ id, target, since, state },
      })
      process.stdout.write(json ? lines(items) : table(items.map((each) => [each.id, each.target, 'is sent again'])))
      if (items.length === 0) process.stderr.write('nothing fits, or it waits already\n')
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

const settled = ['delivered', 'dead', 'skipped']

function deliveryOf({ id, target, state, attempts, created, httpStatus, reason }: Delivery): string[] {
  const answer = httpStatus === 0 ? '' : `HTTP ${httpStatus}`
  return [id, target, `${created.slice(0, 19)}Z`, state, `${attempts} attempts`, answer, reason]
}

function rowOf({ name, format, url, minSeverity, categories, waiting, more, failures, lastFailure, dead }: Receiver): string[] {
  const rules = [...(categories ?? []), ...(minSeverity === 'low' ? [] : [`from ${minSeverity}`])].join(',') || 'all'
  const state = lastFailure === null ? 'well' : `${failures} attempts failed, last: ${lastFailure}`
  return [name, format, url, rules, `${waiting}${more ? '+' : ''} waiting`, dead === 0 ? state : `${state}; ${dead} given up`]
}

function told(name: string, { change, delivered, status, reason, text, milliseconds }: Answered): string {
  const outcome = delivered ? `taken (HTTP ${status}, ${milliseconds} ms)` : `not taken: ${reason}`
  const answer = text.trim() === '' ? '' : `\n  ${printable(text.trim().replace(/\s+/g, ' '))}`
  return `${name}: ${change} ${outcome}${answer}\n`
}
