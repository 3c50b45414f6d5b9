import { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import { HyperLogLog } from '../sketches/hyperloglog.ts'
import { hash32 } from '../sketches/random.ts'
import type { Subject } from '../telemetry/events.ts'
import { isoMicros } from '../telemetry/time.ts'
import type { Alert } from './alert.ts'
import { Incident, type IncidentState } from './incident.ts'
import { type Matter, placeOfScope } from './matter.ts'
import { isWorse, severityOf } from './severity.ts'
import { quietOf, type Standing } from './standing.ts'

/** Members whose last suspicious look is known. Beyond, the one that was quiet longest makes room, and members are estimated. */
const mostWatched = 10_000
/** Members that an alert names; the first ones. */
const mostNamed = 100
/** What a growing flood has not told yet waits for a minute after its first alert, twice as long after each further one, an hour at last. */
const firstWait = 60e6
const longestWait = 3600e6

interface Member {
  /** Last suspicious look, microseconds. */
  active: number
  quiet: number
  events: number
}

/** Plain values. */
export interface FleetState {
  readonly incident: IncidentState
  readonly members: readonly (readonly [string, Member])[]
  readonly everyone: Uint8Array
  readonly rest: FleetRest
}

interface FleetRest {
  readonly scope: string
  /** Openings of the same flood that were told singly, and when the first of them was. */
  readonly singles: number
  readonly since: number
  readonly named: Subject[]
  count: number
  detectors: string[]
  /** Whose p-value is the smallest. */
  strongest: { readonly subject: Subject; readonly standing: Standing }
  firstSeen: number
  lastSeen: number
  events: number
  active: number
  quiet: number
  /** Openings as the last alert told them, when that was, and how long more may wait from then on. */
  told: number
  toldAt: number
  wait: number
}

/** The one incident of a flood: who was beyond its limit while so many others of the same place were. */
export class Fleet {
  readonly incident: Incident
  /** By the keys of their matters, those that were quiet longest first. */
  readonly #members: Map<string, Member>
  /** Every member there was. */
  readonly #everyone: HyperLogLog
  readonly #rest: FleetRest

  private constructor(incident: Incident, members: Map<string, Member>, everyone: HyperLogLog, rest: FleetRest) {
    this.incident = incident
    this.#members = members
    this.#everyone = everyone
    this.#rest = rest
  }

  /** The first member makes the incident; `singles` openings went before it, the first at `since`. */
  static of(matter: Matter, standing: Standing, time: number, clock: number, singles: number, since: number): Fleet {
    const { category, scope, subject } = matter
    const about = { kind: 'fleet' as const, id: placeOfScope(scope).name }
    const incident = Incident.about(`${scope}\u0000fleet`, category, about, time, clock, standing)
    const fleet = new Fleet(incident, new Map(), new HyperLogLog(), {
      scope,
      singles,
      since,
      named: [],
      count: 0,
      detectors: [],
      strongest: { subject, standing },
      firstSeen: standing.firstSeen,
      lastSeen: standing.lastSeen,
      events: 0,
      active: time,
      quiet: 0,
      told: 0,
      toldAt: clock,
      wait: firstWait / 2,
    })
    fleet.join(matter, standing, time)
    return fleet
  }

  static restore({ incident, members, everyone, rest }: FleetState): Fleet {
    const watched = members.map(([key, member]) => [key, { ...member }] as const)
    const { named, detectors } = rest
    return new Fleet(Incident.restore(incident), new Map(watched), HyperLogLog.decode(new ByteReader(everyone)), {
      ...rest,
      named: [...named],
      detectors: [...detectors],
    })
  }

  state(): FleetState {
    const everyone = new ByteWriter(300)
    this.#everyone.encode(everyone)
    return {
      incident: this.incident.state(),
      members: [...this.#members],
      everyone: everyone.finish(),
      rest: this.#rest,
    }
  }

  /** Whether a subject is a member that is not quiet. */
  has(key: string, clock: number): boolean {
    const member = this.#members.get(key)
    return member !== undefined && clock < member.active + member.quiet
  }

  /** Takes a new member in, or a suspicious look of one. */
  join({ key, subject }: Matter, standing: Standing, time: number): void {
    const rest = this.#rest
    const quiet = quietOf(standing)
    let member = this.#members.get(key)
    if (member === undefined) {
      member = { active: time, quiet, events: 0 }
      this.#everyone.add(hash32(key))
      if (rest.named.length < mostNamed) rest.named.push({ kind: subject.kind, id: subject.id })
    }
    this.#members.delete(key)
    this.#members.set(key, member)
    rest.events += Math.max(0, standing.events - member.events)
    member.active = Math.max(member.active, time)
    member.quiet = Math.max(member.quiet, quiet)
    member.events = Math.max(member.events, standing.events)
    // Exact as long as nobody had to make room.
    rest.count = Math.max(rest.count, this.#members.size <= mostWatched ? this.#members.size : Math.round(this.#everyone.count))
    if (this.#members.size > mostWatched) this.#members.delete(this.#members.keys().next().value as string)
    for (const name of standing.detectors) if (!rest.detectors.includes(name)) rest.detectors.push(name)
    if (standing.pValue < rest.strongest.standing.pValue) rest.strongest = { subject, standing }
    rest.firstSeen = Math.min(rest.firstSeen, standing.firstSeen)
    rest.lastSeen = Math.max(rest.lastSeen, standing.lastSeen)
    rest.active = Math.max(rest.active, time)
    rest.quiet = Math.max(rest.quiet, quiet)
  }

  /** A member that stands out from the rest has an incident of its own from now on. */
  leave(key: string): void {
    this.#members.delete(key)
  }

  open(): Alert {
    this.#restate(this.incident.opened)
    return this.incident.open()
  }

  /** An alert when the flood has doubled since the last one, is more severe, or what came since has waited long enough; `clock` is the event time. */
  tell(time: number, clock: number): Alert | null {
    const { told, toldAt, wait, strongest } = this.#rest
    const { pValue, effect } = strongest.standing
    const worse = isWorse(severityOf({ pValue, effect, reach: this.#rest.count }), this.incident.severity)
    if (this.#openings < 2 * told && !worse && !(this.#openings > told && clock >= toldAt + wait)) return null
    this.#restate(clock)
    return this.incident.tell(time)
  }

  /** When `advance` has something to do. */
  get dueAt(): number {
    const { active, quiet, told, toldAt, wait } = this.#rest
    return Math.min(active + quiet, this.#openings > told ? toldAt + wait : Number.POSITIVE_INFINITY)
  }

  /** The end, when all are quiet at `time`; else what has waited long enough. */
  advance(time: number): Alert | null {
    const { active, quiet } = this.#rest
    if (time < active + quiet) return this.tell(time, time)
    this.#restate(time)
    return this.incident.resolve(time)
  }

  get #openings(): number {
    return this.#rest.count + this.#rest.singles
  }

  #restate(clock: number): void {
    const rest = this.#rest
    const { subject, standing } = rest.strongest
    const place = placeOfScope(rest.scope)
    const { kind, id } = subject
    rest.told = this.#openings
    rest.toldAt = clock
    rest.wait = Math.min(longestWait, 2 * rest.wait)
    this.incident.restate(
      {
        ...standing,
        detectors: rest.detectors,
        title: `Flood at ${place.kind} ${place.name}: ${this.#openings} subjects at once, ${rest.singles} of them with incidents of their own`,
        members: [...rest.named],
        reach: rest.count,
        firstSeen: rest.firstSeen,
        lastSeen: rest.lastSeen,
        events: rest.events,
        quietMicros: rest.quiet,
        evidence: {
          ...standing.evidence,
          summary:
            `${rest.count} ${rest.count === 1 ? 'subject' : 'subjects'} of ${place.kind} ${place.name} became suspicious soon after ${rest.singles} others that have incidents of their own. ` +
            'So many at once have one cause as a rule: a release, a load test, other data, or one actor with many accounts. ' +
            `The strongest is ${kind} ${id}: ${standing.evidence.summary}`,
          flood: {
            members: rest.count,
            named: rest.named.length,
            singles: rest.singles,
            since: isoMicros(rest.since),
            strongest: { kind, id },
          },
        },
      },
      rest.active,
    )
  }
}
