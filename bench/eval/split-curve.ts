import type { DetectorDefinition } from '../../src/detection/contract.ts'
import { createRandom } from '../../src/sketches/random.ts'
import type { CallEvent } from '../../src/telemetry/events.ts'
import { Prada } from '../rival/prada.ts'
import { judged, type LabelledSet } from './labelled-set.ts'

export const deltas = [0.9, 0.95, 0.96] as const

/**
 * The set with one attack only, its calls dealt out in turn to so many fresh accounts; other attackers' calls are left out. `order` shuffles each
 * turn, null keeps one order.
 */
export function withSplit(set: LabelledSet, attack: string, accounts: number, order: string | null): LabelledSet {
  const chosen = set.truth.attacks.find(({ id }) => id === attack)!
  const ids = new Set(chosen.subjects.map(({ id }) => id))
  const others = new Set(set.truth.attacks.flatMap(({ subjects }) => subjects.map(({ id }) => id)).filter((id) => !ids.has(id)))
  const random = createRandom(`split/${order}`)
  const turn = Array.from({ length: accounts }, (_, at) => at)
  let next = 0
  const events = set.events.flatMap((event) => {
    if (event.kind !== 'call' || event.principal === null || others.has(event.principal.id))
      return others.has(principalOf(event)) ? [] : [event]
    if (!ids.has(event.principal.id)) return [event]
    if (order !== null && next % accounts === 0) shuffle(turn, random.uniform)
    const id = `split-${turn[next++ % accounts]}`
    return [{ ...event, principal: { ...event.principal, id }, links: [] }]
  })
  const subjects = turn.map((at) => ({ kind: 'principal', id: `split-${at}` }))
  return { name: set.name, events, truth: { ...set.truth, attacks: [{ ...chosen, subjects }] } }
}

/** Calls of the attack until the first alarm, and the share of its accounts named; calls are null where nothing is found. */
export function ours(set: LabelledSet, detectors: readonly DetectorDefinition[]): { calls: number | null; named: number; wrong: number } {
  const { verdicts, falseIncidents } = judged(set, { seed: 1, detectors })
  const { calls, named, accounts } = verdicts[0]!
  return { calls, named: named / accounts, wrong: falseIncidents.length }
}

/** For each delta, the calls of the attack until PRADA names one of its accounts, and how many innocents it names over the whole set. */
export function prada(set: LabelledSet): { calls: number | null; innocents: number }[] {
  const guilty = new Set(set.truth.attacks[0]!.subjects.map(({ id }) => id))
  const accounts = new Map<string, Prada>()
  const found: { calls: number | null; innocents: Set<string> }[] = deltas.map(() => ({ calls: null, innocents: new Set() }))
  let calls = 0
  for (const event of set.events) {
    if (event.kind !== 'call' || event.principal === null || event.embedding === null) continue
    const { id } = event.principal
    let account = accounts.get(id)
    if (account === undefined) {
      account = new Prada()
      accounts.set(id, account)
    }
    const isGuilty = guilty.has(id)
    if (isGuilty) calls++
    const normality = account.add(event.embedding, event.prediction?.label ?? '')
    if (normality === null) continue
    for (const [at, delta] of deltas.entries()) {
      if (normality >= delta) continue
      if (!isGuilty) found[at]!.innocents.add(id)
      else found[at]!.calls ??= calls
    }
  }
  return found.map((one) => ({ calls: one.calls, innocents: one.innocents.size }))
}

function principalOf(event: { readonly kind: string }): string {
  return (event as CallEvent).principal?.id ?? ''
}

function shuffle(values: number[], uniform: () => number): void {
  for (let at = values.length - 1; at > 0; at--) {
    const other = Math.floor(uniform() * (at + 1))
    ;[values[at], values[other]] = [values[other]!, values[at]!]
  }
}
