import { Command } from 'commander'
import type { StatusAnswer } from '../server/schemas.ts'
import { type ApiOptions, connect, withApiOptions } from './api-client.ts'
import { lines, table } from './table.ts'

type Readiness = StatusAnswer['readiness']['detectors'][number]

/** `tidewatch status`: whether it can judge yet, what of the budget is spent, and what is not as it should be. */
export function statusCommand(): Command {
  return withApiOptions(
    new Command('status').description('Show which detectors can judge, what the others lack, the budget, and what is wrong.'),
  )
    .option('--json', 'as the API answers it')
    .addHelpText(
      'after',
      `
A detector is armed for a population (a model's callers, a run's sources, one series) once it has seen enough of it; before, it opens nothing.

Examples:
  tidewatch status
  tidewatch status --json | jq .readiness.budget`,
    )
    .action(async ({ json, ...where }: ApiOptions & { json?: boolean }) => {
      const status = await (await connect(where)).get<StatusAnswer>('/api/v1/status')
      process.stdout.write(json ? lines([status]) : page(status))
    })
}

function page({ version, store, inputs, events, eventsPerSecond, watermark, lag, problems, webhooks, readiness }: StatusAnswer): string {
  const { budget, detectors } = readiness
  const behind = lag.reduce((sum, one) => sum + one.records, 0)
  const spent = Object.values(budget.spent).reduce((sum, one) => sum + one, 0)
  const facts = [
    ['version', version],
    ['inputs', inputs.join(', ')],
    ['store', store],
    ['events', `${events} since the start, ${eventsPerSecond.toFixed(1)} a second`],
    ['event time', watermark === null ? 'no event yet' : `${watermark.slice(0, 19)}Z, ${behind} records behind`],
    ['budget', `${budget.perDay} false incidents a day accepted; tests of ${budget.day ?? 'the first day'} may open ${share(spent)}`],
  ]
  const spending = Object.entries(budget.spent).flatMap(([category, one]) => (one === 0 ? [] : [['', `  ${category}`, share(one)]]))
  const elsewhere = readiness.decidedElsewhere
  const rows = detectors.map((detector) => [detector.name, detector.category, judgement(detector)])
  const waiting = detectors.flatMap(({ name, waiting }) =>
    waiting.map(({ population, lacks }) => [`  ${name}`, population, `lacks ${lacks}`]),
  )
  return [
    table(facts),
    spending.length === 0 ? '' : table(spending),
    elsewhere
      ? '\nanother member of this deployment decides: ask it, with --api, what is armed and what waits to be sent\n'
      : `\ndetectors\n${table(rows)}`,
    waiting.length === 0 ? '' : `\nwarm-up\n${table(waiting)}`,
    webhooks.length === 0
      ? ''
      : `\nwebhooks\n${table(webhooks.map(({ target, waiting, failures, dead }) => [`  ${target}`, `${waiting} waiting`, `${failures} failures in a row`, `${dead} dead`]))}`,
    problems.length === 0
      ? '\nnothing is wrong\n'
      : `\nproblems\n${table(problems.map(({ component, reason, blocking }) => [blocking ? '! ' : '  ', component, reason]))}`,
  ].join('')
}

function judgement({ enabled, populations, armed }: Readiness): string {
  if (!enabled) return 'switched off'
  if (populations === 0) return 'has seen nothing that it looks at'
  return armed === populations ? `armed (${armed})` : `armed for ${armed} of ${populations}`
}

function share(level: number): string {
  return level.toPrecision(2)
}
