import type { Subject } from '../telemetry/events.ts'
import type { Alert } from './alert.ts'

/** The subjects that an alert is about besides its own: those that it names, and how many there are. A flood counts more than it names. */
export function othersIn({ subject, members, evidence }: Pick<Alert, 'subject' | 'members' | 'evidence'>): {
  readonly named: readonly Subject[]
  readonly count: number
} {
  const named = members.filter(({ kind, id }) => kind !== subject.kind || id !== subject.id)
  const { members: counted } = (evidence.flood ?? {}) as { readonly members?: unknown }
  return { named, count: typeof counted === 'number' ? Math.max(counted, named.length) : named.length }
}

/** The names of the first others that an alert is about, and how many more there are; null where there are none. */
export function othersText(alert: Alert, most: number, name: (id: string) => string = (id) => id): string | null {
  const { named, count } = othersIn(alert)
  if (count === 0) return null
  const shown = named.slice(0, most).map(({ kind, id }) => `${kind} ${name(id)}`)
  return shown.join(', ') + (count > shown.length ? ` and ${count - shown.length} more` : '')
}
