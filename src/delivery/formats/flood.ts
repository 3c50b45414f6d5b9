import type { Alert, Severity } from '../../decisions/alert.ts'

const severities: readonly Severity[] = ['critical', 'high', 'medium', 'low']
const mostListed = 100

/** What many changes say together: each incident once, as it is now, the worst first. */
export interface Flood {
  readonly time: string
  readonly changes: number
  readonly counts: { readonly opened: number; readonly updated: number; readonly resolved: number }
  readonly severities: Readonly<Record<Severity, number>>
  readonly worst: Severity
  readonly incidents: number
  /** At most 100. */
  readonly listed: readonly Alert[]
}

/** `alerts` are not empty, oldest first. */
export function floodOf(alerts: readonly Alert[]): Flood {
  const newest = [...new Map(alerts.map((alert) => [alert.incident, alert])).values()]
  const bySeverity = (alert: Alert) => severities.indexOf(alert.severity)
  const listed = newest.toSorted((a, b) => bySeverity(a) - bySeverity(b)).slice(0, mostListed)
  const count = (status: Alert['status']) => alerts.filter((alert) => alert.status === status).length
  const ofSeverity = (severity: Severity) => newest.filter((alert) => alert.severity === severity).length
  return {
    time: alerts
      .map(({ time }) => time)
      .sort()
      .at(-1)!,
    changes: alerts.length,
    counts: { opened: count('opened'), updated: count('updated'), resolved: count('resolved') },
    severities: { critical: ofSeverity('critical'), high: ofSeverity('high'), medium: ofSeverity('medium'), low: ofSeverity('low') },
    worst: listed[0]!.severity,
    incidents: newest.length,
    listed,
  }
}

/** One sentence about it. */
export function floodTitle({ changes, incidents, counts }: Flood): string {
  const parts = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([status, count]) => `${count} ${status}`)
  return `${changes} changes of ${incidents} incidents at once: ${parts.join(', ')}`
}
