import { defineDetector, type Finding } from '../../src/detection/contract.ts'
import { modelPopulation } from '../../src/detection/principals.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { ActivityBits, bitCount, lockstepEdges, popularityOf } from '../../src/sketches/lockstep.ts'
import { hash32 } from '../../src/sketches/random.ts'
import type { CallEvent } from '../../src/telemetry/events.ts'
import { callsOf, ordinaryPeople } from './examples.ts'

interface Account {
  readonly activity: ActivityBits
  readonly first: number
  last: number
  calls: number
}

interface State {
  since: number
  nextLook: number
  /** Least recently active first. */
  readonly accounts: Map<string, Account>
  /** By id, the accounts that were ever found to belong together, with the share of the others that each moved with. */
  readonly clusters: Map<string, Map<string, number>>
}

interface Ring {
  readonly members: readonly number[]
  /** Pairs in lockstep, and all pairs. */
  readonly edges: number
  readonly pairs: number
}

const lookMicros = 1.8e9
const looksPerDay = 48
const dayMicros = 86_400e6
const mostAccounts = 10_000
/** Accounts whose pairs are looked at: the latest active ones with enough slots. */
const mostCompared = 2000
const mostClusters = 256
const fewestSlots = 5
const fewestAccounts = 30
const smallestRing = 4
/** Chernoff's bound e^-5.5 = 0.4 % for a pair that keeps to the rhythm of the day but else to nothing. */
const surprise = 5.5
/** Pairs of honest accounts that pass for lockstep: sessions last longer than a slot. At most 1 % in all sets; never taken for less. */
const leastChance = 0.01
/** Of a kernel, each is in lockstep with so many of the others; who joins it, with so much of what is usual in the kernel. */
const kernelShare = 2 / 3
const joinShare = 2 / 3
/** Least overlap of an account's slots with those of the ring: innocents who are busy at the time of one session are busy at others too. */
const leastOverlap = 0.5
/** A ring that could be chance is not spoken of: its accounts would be taken for members later. */
const weakest = 0.01
/**
 * Pairs of a ring depend on each other: who keeps step with two accounts keeps them in step. Their exponent counts for this part; with it no
 * ring of honest accounts in four sets falls below 1 %, and a ring that is one actor stays below a millionth.
 */
const independence = 0.75
/** Below it a p-value says only that it is small. */
const leastPValue = 1e-12

/**
 * Coordinated accounts: which accounts of a model are one actor that spreads its calls over them.
 *
 * Whoever divides one job among many accounts sends it when the job runs: the accounts wake and pause together, whatever each of them asks and
 * however few its calls are. An account is a day of 72 slots of twenty minutes, active or not. Two accounts are in lockstep where they share more
 * slots than the rhythm of the day explains (Chernoff's bound, see `lockstep.ts`). Rings are grown greedily: an account with its neighbours, of
 * which those stay that are in lockstep with two thirds of the rest, and then all join that are with two
 * thirds of what is usual among those and that have half of their slots in common with it. The p-value of a ring of m among n accounts
 * with k pairs in lockstep is C(n, m) P(Binomial(m (m - 1) / 2, q) >= k) with q the share of such pairs outside the ring, never below 1 %, times 48
 * looks a day: a scan statistic over all sets of accounts, so that no candidate link must be known beforehand.
 *
 * Compared with: all other pairs of accounts of the model that were active in five slots of the day or more. At least thirty accounts and a day.
 *
 * Finds: one harvest that is dealt out to five, twenty, a hundred accounts, with or without a shared card or network; each account may have as
 * few calls as five in different slots. Names every account with the share of the others that it moved with.
 *
 * Misses: fewer than four accounts; accounts that are used one after the other, or at times drawn for each of them alone; fewer than five active
 * slots. May name: four or more programs of one scheduler that wake in the same few slots of the day.
 *
 * Reference: Hoeffding 1963; Arias-Castro and Verzelen 2014 (dense subgraphs of random graphs).
 */
export const coordinatedAccounts = defineDetector<State>({
  name: 'coordinated-accounts',
  category: 'extraction',
  version: 1,
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
      note(state, call.principal!.id, time)
      return finding
    },

    encode({ since, nextLook, accounts, clusters }) {
      const writer = new ByteWriter(1024).f64(since).f64(nextLook).u32(accounts.size)
      for (const [id, { activity, first, last, calls }] of accounts) {
        writer.text(id).f64(first).f64(last).f64(calls)
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
        state.accounts.set(id, { first, last, calls, activity: ActivityBits.decode(reader) })
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

function note(state: State, id: string, time: number): void {
  let account = state.accounts.get(id)
  if (account === undefined) {
    if (state.accounts.size >= mostAccounts) state.accounts.delete(state.accounts.keys().next().value as string)
    account = { activity: new ActivityBits(), first: time, last: time, calls: 0 }
  } else {
    state.accounts.delete(id)
  }
  state.accounts.set(id, account)
  account.activity.add(time)
  account.calls++
  if (time > account.last) account.last = time
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
  const findings = ringsOf(edges, bits).flatMap(({ ring, chance }) => {
    const pValue = looksPerDay * scanPValue(compared.length, ring, chance)
    return pValue > weakest ? [] : [findingAbout(state, compared, edges, ring, Math.max(leastPValue, pValue))]
  })
  return findings.length === 0 ? null : { ...findings[0], also: findings.slice(1) }
}

/** Rings without a common account, the densest first, with the share of pairs in lockstep among what is outside. */
function ringsOf(edges: readonly Uint32Array[], bits: readonly Uint32Array[]): { readonly ring: Ring; readonly chance: number }[] {
  const left = new Set(edges.keys())
  const rings: Ring[] = []
  for (let round = 0; round < 8; round++) {
    const ring = densest(edges, bits, left)
    if (ring === null) break
    rings.push(ring)
    for (const member of ring.members) left.delete(member)
  }
  const rest = [...left]
  const pairs = (rest.length * (rest.length - 1)) / 2
  const chance = Math.max(leastChance, pairs < 100 ? 0 : edgesWithin(edges, rest) / pairs)
  return rings.map((ring) => ({ ring, chance }))
}

function densest(edges: readonly Uint32Array[], bits: readonly Uint32Array[], left: ReadonlySet<number>): Ring | null {
  let members: number[] = []
  let most = smallestRing - 2
  for (const seed of left) {
    const neighbours = [...left].filter((other) => isEdge(edges, seed, other))
    if (neighbours.length <= most) continue
    const kernel = shrunk(edges, [seed, ...neighbours])
    if (kernel.length - 1 <= most) continue
    members = kernel
    most = kernel.length - 1
  }
  if (members.length < smallestRing) return null
  const density = edgesWithin(edges, members) / ((members.length * (members.length - 1)) / 2)
  const near = [...left].filter((one) => members.includes(one) || shareOf(edges, one, members) >= joinShare * density)
  const common = commonSlots(near.map((one) => bits[one]))
  const alike = near.filter((one) => overlap(bits[one], common) >= leastOverlap)
  const joined = alike.length < smallestRing ? members : alike
  return { members: joined, edges: edgesWithin(edges, joined), pairs: (joined.length * (joined.length - 1)) / 2 }
}

/** The slots in which at least half of the accounts are active. */
function commonSlots(activities: readonly Uint32Array[]): Uint32Array {
  const common = new Uint32Array(activities[0].length)
  for (let slot = 0; slot < 32 * common.length; slot++) {
    const word = slot >>> 5
    const mask = 1 << (slot & 31)
    const active = activities.reduce((sum, bits) => sum + ((bits[word] & mask) !== 0 ? 1 : 0), 0)
    if (2 * active >= activities.length) common[word] |= mask
  }
  return common
}

/** Slots of both over slots of either (Jaccard). */
function overlap(one: Uint32Array, other: Uint32Array): number {
  let both = 0
  let either = 0
  for (let w = 0; w < one.length; w++) {
    both += bitCount(one[w] & other[w])
    either += bitCount(one[w] | other[w])
  }
  return either === 0 ? 0 : both / either
}

/** Takes out, one by one, who is in lockstep with the fewest, until all are with two thirds of the rest. */
function shrunk(edges: readonly Uint32Array[], from: number[]): number[] {
  const members = [...from]
  while (members.length >= smallestRing) {
    let worst = -1
    let least = kernelShare
    for (const [at, member] of members.entries()) {
      const share = shareOf(edges, member, members)
      if (share >= least) continue
      least = share
      worst = at
    }
    if (worst < 0) return members
    members.splice(worst, 1)
  }
  return []
}

/** Bound on the probability that any of the sets of so many accounts holds so many pairs in lockstep by chance. */
function scanPValue(accounts: number, { members, edges, pairs }: Ring, chance: number): number {
  let sets = 0
  for (let k = 1; k <= members.length; k++) sets += Math.log((accounts - members.length + k) / k)
  const share = edges / pairs
  if (share <= chance) return 1
  const bound =
    independence * pairs * (share * Math.log(share / chance) + (share < 1 ? (1 - share) * Math.log((1 - share) / (1 - chance)) : 0))
  return Math.min(1, Math.exp(sets - bound))
}

function findingAbout(
  state: State,
  compared: readonly (readonly [string, Account])[],
  edges: readonly Uint32Array[],
  ring: Ring,
  pValue: number,
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
    pValue,
    events: known.reduce((sum, { calls }) => sum + calls, 0),
    evidence: {
      fact: 'accounts are active in the same twenty minutes of the day',
      accountsInLockstep: ring.members.length,
      accountsCompared: compared.length,
      pairsInLockstep: ring.edges,
      pairs: ring.pairs,
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

function isEdge(edges: readonly Uint32Array[], one: number, other: number): boolean {
  return ((edges[one][other >>> 5] >>> (other & 31)) & 1) === 1
}

/** Share of the others among `members` that `one` is in lockstep with. */
function shareOf(edges: readonly Uint32Array[], one: number, members: readonly number[]): number {
  let common = 0
  let others = 0
  for (const other of members) {
    if (other === one) continue
    others++
    if (isEdge(edges, one, other)) common++
  }
  return others === 0 ? 0 : common / others
}

function edgesWithin(edges: readonly Uint32Array[], members: readonly number[]): number {
  const mask = new Uint32Array(edges.length === 0 ? 0 : edges[0].length)
  for (const member of members) mask[member >>> 5] |= 1 << (member & 31)
  let twice = 0
  for (const member of members) for (let w = 0; w < mask.length; w++) twice += bitCount(edges[member][w] & mask[w])
  return twice / 2
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
