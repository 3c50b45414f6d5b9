import { type Caller, createPeople, createPrograms, harvestRequest, type Request } from './callers.ts'
import { createRandom, type Random } from './random.ts'

/** One call of the simulation. `at` is milliseconds since the epoch. */
export interface PlannedCall {
  readonly at: number
  readonly durationMs: number
  readonly caller: Caller
  readonly request: Request
  readonly conversation: string | null
}

export interface Plan {
  /** Calls of the past days, oldest first, all before `now`. */
  readonly history: readonly PlannedCall[]
  /** Calls of the live phase, in time order; `at` counts from `now` on. */
  readonly live: readonly PlannedCall[]
  /** The account that copies the model in the live phase. */
  readonly attacker: string
  /** First call of the attack. */
  readonly attackFrom: number
}

export interface PlanOptions {
  readonly seed: number
  readonly now: number
  readonly people?: number
  readonly days?: number
  readonly liveSeconds?: number
  readonly attackCalls?: number
  readonly attackSeconds?: number
}

const hour = 3_600_000
const day = 24 * hour

/**
 * Everything that will be called, decided before the first call: days of ordinary traffic that end at `now`, then the live phase, in which
 * the ordinary traffic goes on (quicker, to be seen) and one account begins to copy the model.
 */
export function planTraffic(options: PlanOptions): Plan {
  const { seed, now, people = 250, days = 3, liveSeconds = 40, attackCalls = 450, attackSeconds = 35 } = options
  const random = createRandom(seed)
  const persons = createPeople(random, people)
  const programs = createPrograms(random, 12)
  // The attacker's account is one of the people: it has a past in which it is like all others.
  const attacker = persons[Math.floor(people * 0.7)]

  const history = [
    ...persons.flatMap((caller) => sessionsOf(random, caller, now - days * day, now)),
    ...programs.flatMap((caller) => singleCallsOf(random, caller, now - days * day, now)),
  ].sort(byTime)

  const end = now + liveSeconds * 1000
  const attackFrom = now + 5000
  const live = [
    ...ordinary(random, [...persons, ...programs], now, end),
    ...attack(random, attacker, attackFrom, attackFrom + attackSeconds * 1000, attackCalls),
  ]
    .filter(({ at }) => at < end)
    .sort(byTime)
  return { history, live, attacker: attacker.id, attackFrom }
}

/** A person comes for a session of a few questions, half a minute to some minutes apart, then goes. */
function sessionsOf(random: Random, caller: Caller, from: number, to: number): PlannedCall[] {
  const calls: PlannedCall[] = []
  const perSession = 4
  const total = poisson(random, (caller.callsPerDay / perSession) * ((to - from) / day))
  for (let session = 0; session < total; session++) {
    let at = momentOf(random, caller, from, to)
    const conversation = `conv-${caller.id}-${session}`
    for (let turn = 1 + poisson(random, perSession - 1); turn > 0 && at < to; turn--) {
      calls.push(call(random, caller, at, caller.request(random), conversation))
      at += 20_000 + Math.exp(4 + 0.7 * random.normal()) * 1000
    }
  }
  return calls.filter(({ at, durationMs }) => at + durationMs < to)
}

function singleCallsOf(random: Random, caller: Caller, from: number, to: number): PlannedCall[] {
  const total = poisson(random, caller.callsPerDay * ((to - from) / day))
  return Array.from({ length: total }, () => call(random, caller, momentOf(random, caller, from, to), caller.request(random), null)).filter(
    ({ at, durationMs }) => at + durationMs < to,
  )
}

/** A moment at which the caller is active: uniform draws, accepted in proportion to the activity of their hour. */
function momentOf(random: Random, caller: Caller, from: number, to: number): number {
  for (;;) {
    const at = from + random.next() * (to - from)
    if (random.next() * 2 < caller.activity((at % day) / hour)) return at
  }
}

/**
 * About six calls a second of callers drawn by their rates. That is a hundred times their real pace, so that there is something to see; the
 * rates of programs are cut to those of busy people, or each of them would seem to burst.
 */
function ordinary(random: Random, callers: readonly Caller[], from: number, to: number): PlannedCall[] {
  const calls: PlannedCall[] = []
  const tickets = callers.map(({ callsPerDay }) => Math.min(callsPerDay, 30))
  const total = tickets.reduce((sum, own) => sum + own, 0)
  for (let at = from; ; ) {
    at += -Math.log(1 - random.next()) * (1000 / 6)
    if (at >= to) return calls
    const caller = callers[drawn(tickets, random.next() * total)]
    calls.push(call(random, caller, at, caller.request(random), null))
  }
}

/** Index of the holder of a ticket, when the first holds `tickets[0]` of them, the second the next `tickets[1]`, and so on. */
function drawn(tickets: readonly number[], ticket: number): number {
  let passed = 0
  return tickets.findIndex((own) => {
    passed += own
    return ticket < passed
  })
}

/** Requests as regular as only a program sends them. */
function attack(random: Random, caller: Caller, from: number, to: number, count: number): PlannedCall[] {
  const step = (to - from) / count
  return Array.from({ length: count }, (_, index) =>
    call(random, caller, from + (index + 0.1 * random.next()) * step, harvestRequest(random), null),
  )
}

function call(random: Random, caller: Caller, at: number, request: Request, conversation: string | null): PlannedCall {
  const durationMs = 120 + request.outputTokens * (0.6 + 0.4 * random.next())
  return { at: Math.round(at), durationMs: Math.round(durationMs), caller, request, conversation }
}

/** Knuth's method; the means here are small. */
function poisson(random: Random, mean: number): number {
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * random.normal()))
  let count = 0
  for (let product = random.next(), limit = Math.exp(-mean); product > limit; product *= random.next()) count++
  return count
}

function byTime(a: PlannedCall, b: PlannedCall): number {
  return a.at - b.at
}
