import { Command, Option } from 'commander'
import type { Alert } from '../decisions/alert.ts'
import { othersText } from '../decisions/others.ts'
import type { ShownAction } from '../server/read-actions.ts'
import { type ApiClient, type ApiOptions, connect, withApiOptions } from './api-client.ts'
import { lines, printable, table } from './table.ts'

interface ListOptions extends ApiOptions {
  readonly category?: string
  readonly status?: string
  readonly severity?: string
  readonly subject?: string
  readonly since?: string
  readonly limit?: string
  readonly json?: boolean
}

interface ActOptions extends ApiOptions {
  readonly note?: string
}

function listOptions(command: Command): Command {
  return withApiOptions(command)
    .option('--category <name>', 'only of this category')
    .option('--status <status>', 'only opened, updated or resolved')
    .option('--severity <severity>', 'only low, medium, high or critical')
    .option('--subject <id>', 'only about this subject')
    .option('--since <time>', 'only of this event time or later, ISO 8601')
    .option('--limit <n>', 'at most so many, 1 to 500', '50')
    .option('--json', 'one object a line')
}

async function list(path: string, { category, status, severity, subject, since, limit, json, ...where }: ListOptions): Promise<void> {
  const api = await connect(where)
  const { items } = await api.get<{ items: Alert[] }>(path, { category, status, severity, subject, since, limit })
  process.stdout.write(json ? lines(items) : table(items.map(rowOf)))
}

function rowOf({ incident, time, status, severity, category, title, handling }: Alert): string[] {
  return [incident, `${time.slice(0, 19)}Z`, status, severity, category, [title, ...handledAs(handling)].join('  ')]
}

function handledAs(handling: Alert['handling']): string[] {
  if (handling === undefined) return []
  const { acknowledged, silenced, feedback } = handling
  return [
    ...(acknowledged ? [`[acknowledged by ${acknowledged.by}]`] : []),
    ...(silenced ? [`[silenced until ${silenced.until.slice(0, 19)}Z]`] : []),
    ...(feedback ? [`[${feedback.verdict} alarm, says ${feedback.by}]`] : []),
  ]
}

/** `tidewatch alerts list`: changes of incidents. */
export function alertsCommand(): Command {
  const command = new Command('alerts').description('Changes of incidents, as webhooks carry them.')
  listOptions(command.command('list').description('List changes of incidents, newest first.'))
    .addHelpText('after', '\nExample:\n  tidewatch alerts list --since 2026-03-01T00:00:00Z --json > alerts.ndjson')
    .action((options: ListOptions) => list('/api/v1/alerts', options))
  return command
}

/** `tidewatch incidents`: what is going on, and what people do about it. */
export function incidentsCommand(): Command {
  const command = new Command('incidents').description('Incidents: list, show, acknowledge, silence, judge.')
  listOptions(command.command('list').description('List incidents as they are now, last changed first.'))
    .addHelpText('after', '\nExample:\n  tidewatch incidents list --severity critical')
    .action((options: ListOptions) => list('/api/v1/incidents', options))

  withApiOptions(command.command('show <id>').description('Show one incident: evidence, changes, and what people did.'))
    .option('--json', 'as the API answers it')
    .addHelpText('after', '\nExample:\n  tidewatch incidents show inc_4f1c9a7b3d2e5f60718293a4')
    .action(async (id: string, { json, ...where }: ApiOptions & { json?: boolean }) => {
      const api = await connect(where)
      const shown = await api.get<Shown>(`/api/v1/incidents/${encodeURIComponent(id)}`)
      process.stdout.write(json ? lines([shown]) : page(shown))
    })

  deed(command, 'acknowledge', 'Say that somebody looks at it.').action((id: string, { note, ...where }: ActOptions) =>
    act(where, id, 'acknowledge', { note }),
  )

  deed(command, 'silence', 'Tell receivers nothing about its subject, in its category, for a while.')
    .addOption(new Option('--for <duration>', 'a duration from now, such as 4h; 0s ends a silence').conflicts('until'))
    .option('--until <time>', 'or a time, ISO 8601')
    .action((id: string, { note, for: duration, until, ...where }: ActOptions & { for?: string; until?: string }) =>
      act(where, id, 'silence', { note, for: duration, until }),
    )

  deed(command, 'feedback', 'Say whether it was a true alarm, a false one, or real but benign.')
    .addOption(new Option('--verdict <verdict>', 'what it was').choices(['true', 'false', 'benign']).makeOptionMandatory())
    .action((id: string, { note, verdict, ...where }: ActOptions & { verdict: string }) => act(where, id, 'feedback', { note, verdict }))

  command.addHelpText(
    'after',
    `
Examples:
  tidewatch incidents list
  tidewatch incidents acknowledge inc_4f1c9a7b3d2e5f60718293a4
  tidewatch incidents silence inc_4f1c9a7b3d2e5f60718293a4 --for 4h --note "load test"
  tidewatch incidents feedback inc_4f1c9a7b3d2e5f60718293a4 --verdict false`,
  )
  return command
}

function deed(command: Command, name: string, description: string): Command {
  return withApiOptions(command.command(`${name} <id>`).description(description)).option('--note <text>', 'why; stored with the action')
}

async function act(where: ApiOptions, id: string, deedName: string, body: object): Promise<void> {
  const api = await connect(where)
  const taken = await api.post<{ id: string }>(`/api/v1/incidents/${encodeURIComponent(id)}/${deedName}`, body)
  if (api.live) await applied(api, id, taken.id)
  process.stderr.write(`${deedName}: ${taken.id} is in the log\n`)
}

/** Waits until the action was taken up, some seconds at most: a log that is behind takes it up later. */
async function applied(api: ApiClient, incident: string, action: string): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    const { items } = await api.get<{ items: ShownAction[] }>('/api/v1/actions', { incident })
    if (items.some(({ id }) => id === action)) return
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
}

interface Shown {
  readonly incident: Alert
  readonly related: readonly Pick<Alert, 'incident' | 'status' | 'severity' | 'title'>[]
  readonly alerts: readonly Alert[]
  readonly actions: readonly ShownAction[]
}

function page({ incident, related, alerts, actions }: Shown): string {
  const { subject, model, service, window, pValue, severity, category, status, evidence, detectors, tags, handling } = incident
  const others = othersText(incident, 10)
  const facts: [string, string][] = [
    ['what', `${severity} ${category}, ${status}`],
    ['who', `${subject.kind} ${subject.id}`],
    ...(others === null ? [] : [['with', others] as [string, string]]),
    ['where', [model, service].filter((name) => name !== null).join(', ') || 'not stated'],
    ['since', `${window.start} to ${window.end}, ${window.events} events`],
    ['how sure', pValue === null ? 'no p-value' : `p = ${pValue.toPrecision(3)}`],
    ['compared', typeof evidence.summary === 'string' ? evidence.summary : ''],
    ...(typeof evidence.sampling === 'string' ? [['sampled', evidence.sampling] as [string, string]] : []),
    ['seen by', detectors.join(', ')],
    ['tags', [...tags.atlas, ...tags.owasp].join(' ')],
    ['handled', handledAs(handling).join(' ') || 'not yet'],
    ['look at', callsOf(evidence).join(' ') || 'no single calls'],
  ]
  return [
    `${printable(incident.title)}\n`,
    table(facts.map(([name, text]) => [`  ${name}`, text])),
    ...(related.length === 0 ? [] : ['\nrelated\n']),
    table(related.map((one) => [`  ${one.incident}`, one.status, one.severity, one.title])),
    '\nchanges\n',
    table(alerts.map((alert) => [`  ${alert.time}`, alert.status, alert.severity, alert.handling?.change ?? ''])),
    ...(actions.length === 0 ? [] : ['\nactions\n']),
    table(actions.map(({ time, kind, by, verdict, until, note }) => [`  ${time}`, kind, by, verdict ?? until ?? '', note])),
  ].join('')
}

/** Trace and span ids of the calls that an alert names. */
function callsOf(evidence: Alert['evidence']): string[] {
  const calls = Array.isArray(evidence.calls) ? (evidence.calls as { traceId: string | null; spanId: string }[]) : []
  return calls.slice(-3).map(({ traceId, spanId }) => `${traceId ?? '-'}/${spanId}`)
}
