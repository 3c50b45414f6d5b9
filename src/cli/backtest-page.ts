import type { Comparison, IncidentSummary } from '../backtest/compare.ts'
import type { Traffic } from '../backtest/traffic.ts'
import { printable, table } from './table.ts'

/** One side of the comparison. */
export interface Side {
  /** File of the configuration or of the history. */
  readonly name: string
  /** Hash of the configuration; null for a history. */
  readonly config: string | null
  readonly events: number | null
  readonly deadLetters: number | null
  readonly alerts: number
  readonly incidents: readonly IncidentSummary[]
}

/** A comparison for people: what was read and what it lacks, the two sides, every incident that differs, and the counts. */
export function backtestPage(
  traffic: Pick<Traffic, 'name' | 'blind' | 'lacks'>,
  before: Side,
  after: Side,
  { added, gone, changed, same }: Comparison,
): string {
  const notes = [
    `over ${traffic.name}`,
    ...traffic.lacks().map((lack) => `lacking: ${lack}`),
    ...(traffic.blind.length > 0 ? [`cannot run on this: ${traffic.blind.join(', ')}`] : []),
  ]
  const sides = [before, after].map(({ name, events, deadLetters, incidents, alerts }) => {
    const refused = deadLetters === null || deadLetters === 0 ? '' : `${deadLetters} dead letters`
    return [name, events === null ? '' : `${events} events`, refused, `${incidents.length} incidents`, `${alerts} alerts`]
  })
  const rows = [
    ...added.map((one) => row('new', one)),
    ...gone.map((one) => row('gone', one)),
    ...changed.map(({ before: was, after: is, differs }) => {
      const severity = was.severity === is.severity ? is.severity : `${was.severity} -> ${is.severity}`
      const opened = was.opened === is.opened ? timeOf(is.opened) : `${timeOf(was.opened)} -> ${timeOf(is.opened)}`
      return ['changed', opened, severity, is.category, `${is.subject.kind} ${is.subject.id}`, `${is.title}  (${differs.join(', ')})`]
    }),
  ]
  const counts = `${added.length} new, ${gone.length} gone, ${changed.length} changed, ${same.length} the same`
  return [
    notes.map((note) => `${printable(note)}\n`).join(''),
    table(sides),
    ...(rows.length === 0 ? [] : ['\n', table(rows)]),
    '\n',
    `${counts}\n`,
  ].join('')
}

function row(change: string, { opened, severity, category, subject, title }: IncidentSummary): string[] {
  return [change, timeOf(opened), severity, category, `${subject.kind} ${subject.id}`, title]
}

function timeOf(iso: string): string {
  return `${iso.slice(0, 19)}Z`
}
