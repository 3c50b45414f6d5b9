import type { Alert } from '../../src/decisions/alert.ts'
import type { Event, SubjectKind } from '../../src/telemetry/events.ts'

export interface Truth {
  readonly start?: string
  readonly end?: string
  readonly attacks: readonly Attack[]
  readonly benignNotable?: readonly { readonly id: string; readonly kind: string }[]
}

interface Attack {
  readonly id: string
  readonly category: string
  readonly start: string
  readonly end: string
  readonly subjects: readonly { readonly kind: string; readonly id: string }[]
}

export type Alarm = Pick<Alert, 'incident' | 'status' | 'time' | 'category' | 'detector' | 'detectors' | 'subject' | 'members'>

export interface Verdict {
  readonly attack: string
  /** Calls of the attack's accounts from its start up to the first alarm; null where it was not found. */
  readonly calls: number | null
  readonly accounts: number
  readonly named: number
  readonly detectors: readonly string[]
}

export interface Judgement {
  readonly verdicts: readonly Verdict[]
  readonly falseIncidents: readonly { readonly subject: string; readonly note: string; readonly detectors: readonly string[] }[]
  /** Accounts that alarms named, and those of them that no attack has. */
  readonly named: number
  readonly innocents: number
}

interface Incident {
  readonly category: string
  readonly subject: Alarm['subject']
  readonly opened: number
  readonly detectors: Set<string>
  /** By id, the first alarm that named it. */
  readonly all: Map<string, { readonly time: number; readonly resolved: boolean }>
  readonly accounts: Set<string>
}

const containers: ReadonlySet<SubjectKind> = new Set(['cluster', 'credential', 'shard', 'model', 'layer', 'run', 'service', 'fleet'])
/** An alarm so long after the end of an attack still counts. */
const graceMillis = 3600e3
/** Of the accounts that an incident names, so many must belong to attacks. */
const leastPurity = 0.8

/**
 * Which attacks were found and who was named. An incident finds an attack when it names one of its accounts during it (or an hour after) and at
 * least 80 % of the accounts that it ever names belong to attacks. An incident about a container that names no account is neither found
 * nor false during an attack of its category; all other incidents are false.
 */
export function judge(truth: Truth, events: readonly Event[], alarms: readonly Alarm[]): Judgement {
  const guilty = new Set(truth.attacks.flatMap(({ subjects }) => subjects.map(({ id }) => id)))
  const incidents = incidentsOf(alarms, guilty)
  const finders = new Set<Incident>()
  const verdicts = truth.attacks.map((attack): Verdict => {
    const ids = new Set(attack.subjects.map(({ id }) => id))
    const from = Date.parse(attack.start) - 1000
    const to = Date.parse(attack.end) + graceMillis
    const named = new Set<string>()
    const detectors = new Set<string>()
    let first = Number.POSITIVE_INFINITY
    for (const incident of incidents) {
      if (incident.category !== attack.category) continue
      const hits = [...incident.all].filter(([id, at]) => ids.has(id) && !at.resolved && at.time >= from && at.time <= to)
      const right = [...incident.accounts].filter((id) => guilty.has(id)).length
      if (hits.length === 0 || right < leastPurity * Math.max(1, incident.accounts.size)) continue
      finders.add(incident)
      for (const [id, { time }] of hits) {
        named.add(id)
        first = Math.min(first, time)
      }
      for (const detector of incident.detectors) detectors.add(detector)
    }
    const found = Number.isFinite(first)
    return {
      attack: attack.id,
      calls: found ? callsOf(events, ids, Date.parse(attack.start) * 1000 - 1000, first * 1000 + 1000) : null,
      accounts: ids.size,
      named: named.size,
      detectors: [...detectors].sort(),
    }
  })
  const notes = new Map((truth.benignNotable ?? []).map(({ id, kind }) => [id, kind]))
  const isNeutral = ({ subject, accounts, category, opened }: Incident): boolean =>
    containers.has(subject.kind) &&
    accounts.size === 0 &&
    truth.attacks.some(
      (attack) =>
        attack.category === category && opened >= Date.parse(attack.start) - 1000 && opened <= Date.parse(attack.end) + graceMillis,
    )
  const accounts = new Set(incidents.flatMap((incident) => [...incident.accounts]))
  return {
    verdicts,
    falseIncidents: incidents
      .filter((incident) => !finders.has(incident) && !isNeutral(incident))
      .map(({ subject, detectors, accounts: named }) => {
        const right = [...named].filter((id) => guilty.has(id)).length
        const note = notes.get(subject.id) ?? (named.size > 1 ? `${named.size} accounts, ${right} of attacks` : '')
        return { subject: `${subject.kind} ${subject.id}`, note, detectors: [...detectors].sort() }
      }),
    named: accounts.size,
    innocents: [...accounts].filter((id) => !guilty.has(id)).length,
  }
}

function incidentsOf(alarms: readonly Alarm[], guilty: ReadonlySet<string>): Incident[] {
  const incidents = new Map<string, Incident>()
  for (const alarm of [...alarms].sort((a, b) => Date.parse(a.time) - Date.parse(b.time))) {
    let incident = incidents.get(alarm.incident)
    if (incident === undefined) {
      const { category, subject } = alarm
      incident = { category, subject, opened: Date.parse(alarm.time), detectors: new Set(), all: new Map(), accounts: new Set() }
      incidents.set(alarm.incident, incident)
    }
    for (const detector of alarm.detectors) incident.detectors.add(detector)
    for (const { kind, id } of [alarm.subject, ...alarm.members]) {
      if (!incident.all.has(id)) incident.all.set(id, { time: Date.parse(alarm.time), resolved: alarm.status === 'resolved' })
      if (!containers.has(kind) || guilty.has(id)) incident.accounts.add(id)
    }
  }
  return [...incidents.values()]
}

/** Calls of the accounts between two times, microseconds. */
function callsOf(events: readonly Event[], ids: ReadonlySet<string>, from: number, to: number): number {
  let calls = 0
  for (const event of events) {
    if (event.kind === 'call' && event.principal !== null && ids.has(event.principal.id) && event.time >= from && event.time <= to) calls++
  }
  return calls
}
