import { defineDetector, type Finding } from '../../src/detection/contract.ts'
import { modelPopulation } from '../../src/detection/principals.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { ActivityBits, lockstepEdges, popularityOf } from '../../src/sketches/lockstep.ts'
import { hash32 } from '../../src/sketches/random.ts'
import { inStep, logChance, logSets, type Ring, ringAmong, ringsOf, shareOf, smallestRing } from '../../src/sketches/rings.ts'
import type { CallEvent } from '../../src/telemetry/events.ts'
import { callsOf, ordinaryPeople } from './examples.ts'

interface Account {
  readonly activity: ActivityBits
  readonly first: number
  last: number
  calls: number
  /** Hashes of what it may share with others, the latest last. */
  readonly links: number[]
}

/** A ring with how it became a candidate. */
interface Suspicion {
  readonly ring: Ring
  readonly pValue: number
  /** Accounts that share a link, where that made it one. */
  readonly linked: number | null
}

interface State {
  since: number
  nextLook: number
  /** Least recently active first. */
  readonly accounts: Map<string, Account>
  /** By id, the accounts that were ever found to belong together, with the share of the others that each moved with. */
  readonly clusters: Map<string, Map<string, number>>
}

const lookMicros = 1.8e9
const looksPerDay = 48
const dayMicros = 86_400e6
const mostAccounts = 10_000
/** Accounts whose pairs are looked at: the latest active ones with enough slots. */
const mostCompared = 2000
const mostClusters = 256
/** Fewer active slots say nothing of an account; where no link makes it a candidate, it takes more. */
const fewestSlots = 3
const fewestFreeSlots = 5
const fewestAccounts = 30
/** Chernoff's bound e^-5.5 = 0.4 % for a pair that keeps to the rhythm of the day but else to nothing. */
const surprise = 5.5
/** Pairs of honest accounts that pass for lockstep: sessions last longer than a slot. At most 1 % in all sets; never taken for less. */
const leastChance = 0.01
/** The same among accounts that share a network or a card: an office keeps the same hours. At most 3 % in all sets. */
const leastLinkedChance = 0.05
/** Links that are kept of an account. */
const mostLinks = 6
/** What everybody has is no link. */
const commonplace = new Set(['agent'])
/** A ring that could be chance is not spoken of: its accounts would be taken for members later. */
const weakest = 0.01
/** Below it a p-value says only that it is small. */
const leastPValue = 1e-12

/**
 * Coordinated accounts: which accounts of a model are one actor that spreads its calls over them.
 *
 * Whoever divides one job among many accounts sends it when the job runs: the accounts wake and pause together, whatever each of them asks and
 * however few its calls are. An account is a day of 72 slots of twenty minutes, active or not. Two accounts are in lockstep where they share more
 * slots than the rhythm of the day explains (Chernoff's bound, see `lockstep.ts`). Candidates come in two ways:
 * - accounts that share a link (card, /24 network, device, whatever `tidewatch.link.*` says; not the user agent). The p-value of m of them
 *   with k pairs in lockstep is P(Binomial(m (m - 1) / 2, q) >= k) with q the share of such pairs among all other groups that share a link, never
 *   below 5 %, times the number of groups, times 48 looks a day: offices behind one address are the null;
 * - rings grown greedily from the pairs in lockstep (`rings.ts`). Their p-value is a scan over all sets of so many of the n accounts: C(n, m)
 *   times the same probability, q being the share outside the rings, never below 1 %. So no link must be known.
 *
 * Compared with: all other pairs of accounts of the model that were active in three slots of the day or more, in five where no link is known.
 * At least thirty accounts and a day.
 *
 * Finds: one harvest that is dealt out to five, twenty, a hundred accounts, with or without a shared card or network; each account may have as
 * few calls as three in different slots where they share a link, five where not. Names every account with the share of the others that it moved with.
 *
 * Misses: fewer than four accounts; accounts that are used one after the other, or at times drawn for each of them alone; fewer active
 * slots. May name: four or more programs of one scheduler that wake in the same few slots of the day.
 *
 * Reference: Hoeffding 1963; Arias-Castro and Verzelen 2014 (dense subgraphs of random graphs).
 */
export const coordinatedAccounts = defineDetector<State>({
  name: 'coordinated-accounts',
  category: 'extraction',
  version: 2,
  title: '{subject}: accounts that act as one',
  consumes: ['call'],
  maxSubjects: 64,
  quantity: { name: 'accounts that move in lockstep', value: (score) => Math.exp(score) },
  leastSpread: 0.5,
  weight: 1,
  effectFloor: Math.log(smallestRing),
  build: () => ({
    subjects(event) {
      if (event.kind !== 'call' || event.principal === null || event.principal.lastResort) return []
      const model = modelPopulation(event)
      return [{ subject: { kind: 'fleet', id: model }, population: `${model}/clusters` }]
    },
    create: () => ({ since: Number.NaN, nextLook: Number.NaN, accounts: new Map(), clusters: new Map() }),

    update(state, event) {
      const call = event as CallEvent
      const { time } = call
      if (Number.isNaN(state.since)) {
        state.since = time
        state.nextLook = (Math.floor(time / lookMicros) + 1) * lookMicros
      }
      const finding = time >= state.nextLook ? look(state, time) : null
      note(state, call)
      return finding
    },

    encode({ since, nextLook, accounts, clusters }) {
      const writer = new ByteWriter(1024).f64(since).f64(nextLook).u32(accounts.size)
      for (const [id, { activity, first, last, calls, links }] of accounts) {
        writer.text(id).f64(first).f64(last).f64(calls).u8(links.length)
        for (const link of links) writer.u32(link)
        activity.encode(writer)
      }
      writer.u32(clusters.size)
      for (const [id, members] of clusters) {
        writer.text(id).u32(members.size)
        for (const [member, share] of members) writer.text(member).f64(share)
      }
      return writer.finish()
    },

    decode(bytes) {
      const reader = new ByteReader(bytes)
      const state: State = { since: reader.f64(), nextLook: reader.f64(), accounts: new Map(), clusters: new Map() }
      for (let left = reader.u32(); left > 0; left--) {
        const id = reader.text()
        const first = reader.f64()
        const last = reader.f64()
        const calls = reader.f64()
        const links = Array.from({ length: reader.u8() }, () => reader.u32())
        state.accounts.set(id, { first, last, calls, links, activity: ActivityBits.decode(reader) })
      }
      for (let left = reader.u32(); left > 0; left--) {
        const members = new Map<string, number>()
        state.clusters.set(reader.text(), members)
        for (let named = reader.u32(); named > 0; named--) members.set(reader.text(), reader.f64())
      }
      return state
    },
  }),
  example: {
    subject: { kind: 'cluster', id: `c-${hash32('worker-0').toString(16).padStart(8, '0')}` },
    anomalous: () => callsOf([...ordinaryPeople('coordinated'), ...workers(), ...otherModels()], 'coordinated'),
    benign: () => callsOf(ordinaryPeople('coordinated'), 'coordinated'),
  },
})

function note(state: State, { time, principal, links }: CallEvent): void {
  const { id } = principal!
  let account = state.accounts.get(id)
  if (account === undefined) {
    if (state.accounts.size >= mostAccounts) state.accounts.delete(state.accounts.keys().next().value as string)
    account = { activity: new ActivityBits(), first: time, last: time, calls: 0, links: [] }
  } else {
    state.accounts.delete(id)
  }
  state.accounts.set(id, account)
  account.activity.add(time)
  account.calls++
  if (time > account.last) account.last = time
  for (const { kind, value } of links) {
    if (commonplace.has(kind)) continue
    const link = hash32(value, hash32(kind))
    if (account.links.at(-1) === link || account.links.includes(link)) continue
    if (account.links.length >= mostLinks) account.links.shift()
    account.links.push(link)
  }
}

function look(state: State, time: number): Finding | null {
  state.nextLook = (Math.floor(time / lookMicros) + 1) * lookMicros
  if (time - state.since < dayMicros || state.accounts.size < fewestAccounts) return null
  const active = [...state.accounts].filter(([, account]) => {
    account.activity.forgetBefore(time)
    return account.activity.count > 0
  })
  const compared = active.filter(([, { activity }]) => activity.count >= fewestSlots).slice(-mostCompared)
  if (compared.length < smallestRing) return null
  const popularity = popularityOf(active.map(([, { activity }]) => activity.bits))
  const bits = compared.map(([, { activity }]) => activity.bits)
  const edges = lockstepEdges(bits, popularity, surprise)
  const linked = linkedRings(
    compared.map(([, { links }]) => links),
    edges,
  )
  const suspicions = [...linked, ...freeRings(compared, edges, bits)].filter(({ pValue }) => pValue <= weakest)
  const findings: Finding[] = []
  const told = new Set<number>()
  for (const suspicion of suspicions.sort((a, b) => a.pValue - b.pValue)) {
    // What is mostly told already is the same accounts seen in another way.
    if (2 * suspicion.ring.members.filter((member) => told.has(member)).length > suspicion.ring.members.length) continue
    for (const member of suspicion.ring.members) told.add(member)
    findings.push(findingAbout(state, compared, edges, suspicion))
  }
  return findings.length === 0 ? null : { ...findings[0], also: findings.slice(1) }
}

/** Rings among accounts that share a link. */
function linkedRings(links: readonly (readonly number[])[], edges: readonly Uint32Array[]): Suspicion[] {
  const groups = new Map<string, number[]>()
  const byLink = new Map<number, number[]>()
  links.forEach((own, account) => {
    for (const link of own) {
      const group = byLink.get(link)
      if (group === undefined) byLink.set(link, [account])
      else group.push(account)
    }
  })
  // Accounts that share two links, a card and a network say, are one group.
  for (const group of byLink.values()) if (group.length > 2) groups.set(group.join(), group)
  const rings = [...groups.values()].map((group) => ringAmong(edges, group))
  let allEdges = 0
  let allPairs = 0
  for (const ring of rings) {
    allEdges += ring.edges
    allPairs += ring.pairs
  }
  return rings.flatMap((ring) => {
    if (ring.members.length < smallestRing) return []
    const chance = Math.max(leastLinkedChance, allPairs > ring.pairs ? (allEdges - ring.edges) / (allPairs - ring.pairs) : 0)
    const pValue = Math.min(1, looksPerDay * rings.length * Math.exp(logChance(ring, chance)))
    const named = inStep(edges, ring)
    return named.members.length < smallestRing ? [] : [{ ring: named, pValue, linked: ring.members.length }]
  })
}

/** Rings that share nothing but their clock. */
function freeRings(compared: readonly (readonly [string, Account])[], edges: readonly Uint32Array[], bits: readonly Uint32Array[]) {
  const enough = compared.flatMap(([, { activity }], at) => (activity.count >= fewestFreeSlots ? [at] : []))
  const { rings, chance } = ringsOf(edges, bits, enough)
  return rings.map((ring): Suspicion => {
    const logP = logSets(enough.length, ring.members.length) + logChance(ring, Math.max(leastChance, chance))
    return { ring, pValue: Math.min(1, looksPerDay * Math.exp(logP)), linked: null }
  })
}

function findingAbout(
  state: State,
  compared: readonly (readonly [string, Account])[],
  edges: readonly Uint32Array[],
  { ring, pValue, linked }: Suspicion,
): Finding {
  const id = clusterOf(
    state,
    ring.members.map((member) => compared[member]),
  )
  const members = state.clusters.get(id)!
  for (const member of ring.members) members.set(compared[member][0], shareOf(edges, member, ring.members))
  const known = [...members.keys()].flatMap((name) => {
    const account = state.accounts.get(name)
    return account === undefined ? [] : [account]
  })
  const contributions = [...members].map(([name, share]) => `${name}: ${state.accounts.get(name)?.calls ?? 0} calls, ${share.toFixed(2)}`)
  return {
    about: {
      subject: { kind: 'cluster', id },
      members: [...members.keys()].map((name) => ({ kind: 'principal', id: name })),
      firstSeen: Math.min(...known.map(({ first }) => first)),
      lastSeen: Math.max(...known.map(({ last }) => last)),
    },
    score: Math.log(ring.members.length),
    pValue: Math.max(leastPValue, pValue),
    events: known.reduce((sum, { calls }) => sum + calls, 0),
    evidence: {
      fact: 'accounts are active in the same twenty minutes of the day',
      accountsInLockstep: ring.members.length,
      accountsCompared: compared.length,
      pairsInLockstep: ring.edges,
      pairs: ring.pairs,
      ...(linked === null ? {} : { accountsThatShareALink: linked }),
      contributions: `calls, share of the others in lockstep: ${contributions.join('; ')}`,
    },
    sketch: null,
  }
}

/** Id of the known cluster that the ring shares most accounts with, else a new one, named after the account that began first. */
function clusterOf(state: State, ring: readonly (readonly [string, Account])[]): string {
  let best: string | null = null
  let most = ring.length / 3
  for (const [id, members] of state.clusters) {
    const common = ring.filter(([name]) => members.has(name)).length
    if (common <= most) continue
    best = id
    most = common
  }
  if (best !== null) return best
  const founder = ring.reduce((first, one) => (one[1].first < first[1].first ? one : first))
  const id = `c-${hash32(founder[0]).toString(16).padStart(8, '0')}`
  if (state.clusters.size >= mostClusters) state.clusters.delete(state.clusters.keys().next().value as string)
  state.clusters.set(id, new Map())
  return id
}

/** Eight accounts that deal out one job: a call each in every batch, ten batches. */
function workers() {
  return Array.from({ length: 8 }, (_, worker) =>
    Array.from({ length: 10 }, (_, batch) => {
      const from = 50 + 1.7 * batch + 0.02 * worker
      return { id: `worker-${worker}`, from, to: from + 0.01, calls: 1 }
    }),
  ).flat()
}

/** Callers of other models, who are fleets of their own. */
function otherModels() {
  return Array.from({ length: 12 }, (_, at) => ({
    id: 'visitor',
    from: at,
    to: at + 1,
    calls: 2,
    shape: () => ({
      model: {
        name: `example-model-${at}`,
        version: null,
        digest: null,
        service: 'example-service',
        namespace: '',
        environment: 'production',
      },
    }),
  }))
}
