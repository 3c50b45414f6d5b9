import type { Alert, Severity } from '../decisions/alert.ts'

/** An incident as its alerts tell of it. Times are ISO 8601. */
export interface IncidentSummary {
  readonly incident: string
  readonly category: string
  readonly subject: Alert['subject']
  readonly run: string | null
  readonly opened: string
  /** The last change; of an incident that is not resolved, it may go on. */
  readonly last: string
  readonly resolved: boolean
  readonly severity: Severity
  readonly detectors: readonly string[]
  /** The smallest that any of its alerts has. */
  readonly pValue: number | null
  readonly alerts: number
  readonly title: string
}

export type Difference = 'opened' | 'severity' | 'detectors' | 'resolved'

export interface ChangedIncident {
  readonly before: IncidentSummary
  readonly after: IncidentSummary
  readonly differs: readonly Difference[]
}

/** What another configuration makes of the same traffic. */
export interface Comparison {
  readonly added: readonly IncidentSummary[]
  readonly gone: readonly IncidentSummary[]
  readonly changed: readonly ChangedIncident[]
  readonly same: readonly IncidentSummary[]
}

/** The incidents that alerts tell of, in the order of their opening. */
export function summarize(alerts: Iterable<Alert>): IncidentSummary[] {
  const found = new Map<string, IncidentSummary>()
  for (const alert of alerts) {
    const { incident, category, subject, run, opened, time, status, severity, detectors, title } = alert
    const before = found.get(incident)
    found.set(incident, {
      incident,
      category,
      subject,
      run,
      opened,
      last: before !== undefined && before.last > time ? before.last : time,
      resolved: status === 'resolved' || before?.resolved === true,
      severity,
      detectors,
      pValue: smaller(before?.pValue ?? null, alert.pValue),
      alerts: (before?.alerts ?? 0) + 1,
      title,
    })
  }
  return [...found.values()].sort((a, b) => compareTexts(a.opened, b.opened) || compareTexts(a.incident, b.incident))
}

/**
 * Two incidents are the same one when they are about the same subject in the same category and run and their times overlap. Each has one partner at
 * most, the earliest that is left.
 */
export function compare(before: readonly IncidentSummary[], after: readonly IncidentSummary[]): Comparison {
  const left = new Map<string, IncidentSummary[]>()
  for (const one of after) left.set(matterOf(one), [...(left.get(matterOf(one)) ?? []), one])
  const gone: IncidentSummary[] = []
  const same: IncidentSummary[] = []
  const changed: ChangedIncident[] = []
  const matched = new Set<IncidentSummary>()
  for (const one of before) {
    const partner = left.get(matterOf(one))?.find((other) => !matched.has(other) && overlap(one, other))
    if (partner === undefined) {
      gone.push(one)
      continue
    }
    matched.add(partner)
    const differs = differencesOf(one, partner)
    if (differs.length === 0) same.push(partner)
    else changed.push({ before: one, after: partner, differs })
  }
  return { added: after.filter((one) => !matched.has(one)), gone, changed, same }
}

function matterOf({ category, subject, run }: IncidentSummary): string {
  return JSON.stringify([category, subject.kind, subject.id, run])
}

function overlap(a: IncidentSummary, b: IncidentSummary): boolean {
  return (!b.resolved || a.opened <= b.last) && (!a.resolved || b.opened <= a.last)
}

function differencesOf(before: IncidentSummary, after: IncidentSummary): Difference[] {
  const differs: Difference[] = []
  if (before.opened !== after.opened) differs.push('opened')
  if (before.severity !== after.severity) differs.push('severity')
  if (before.detectors.join() !== after.detectors.join()) differs.push('detectors')
  if (before.resolved !== after.resolved || (before.resolved && before.last !== after.last)) differs.push('resolved')
  return differs
}

function smaller(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b
  return Math.min(a, b)
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
