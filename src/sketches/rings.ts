import { bitCount } from './lockstep.ts'

/** A set of accounts that are one actor, if chance is not: by their places among those compared. */
export interface Ring {
  readonly members: readonly number[]
  /** Pairs in lockstep, and all pairs. */
  readonly edges: number
  readonly pairs: number
}

export const smallestRing = 4
/** Of a kernel, each is in lockstep with so many of the others; who joins it, with so much of what is usual in the kernel. */
const kernelShare = 2 / 3
const joinShare = 2 / 3
/** Least overlap of an account's slots with those of the ring: innocents who are busy at the time of one session are busy at others too. */
const leastOverlap = 0.5
const mostRings = 8
/** A share of fewer pairs says nothing. */
const fewestPairs = 100
/**
 * Pairs of a ring depend on each other: who keeps step with two accounts keeps them in step. Their exponent counts for this part; with it no
 * ring of honest accounts in four sets falls below 1 %, and a ring that is one actor stays below a millionth.
 */
const independence = 0.75

/**
 * Rings without a common account, the densest first, with the share of pairs in lockstep among what is outside. Grown greedily: an account with its
 * neighbours, of which those stay that are in lockstep with two thirds of the rest; then all join that are with two thirds of what is
 * usual among those and have half of their slots in common with them. Only accounts of `among` are looked at.
 */
export function ringsOf(edges: readonly Uint32Array[], bits: readonly Uint32Array[], among: readonly number[]) {
  const left = new Set(among)
  const rings: Ring[] = []
  while (rings.length < mostRings) {
    const ring = densest(edges, bits, left)
    if (ring === null) break
    rings.push(ring)
    for (const member of ring.members) left.delete(member)
  }
  const rest = ringAmong(edges, [...left])
  return { rings, chance: rest.pairs < fewestPairs ? 0 : rest.edges / rest.pairs }
}

/** The ring that some accounts make, whether or not they are in lockstep. */
export function ringAmong(edges: readonly Uint32Array[], members: readonly number[]): Ring {
  return { members, edges: edgesWithin(edges, members), pairs: (members.length * (members.length - 1)) / 2 }
}

/** Those of a ring who are in lockstep with two thirds of what is usual in it. */
export function inStep(edges: readonly Uint32Array[], ring: Ring): Ring {
  const least = (joinShare * ring.edges) / ring.pairs
  return ringAmong(
    edges,
    ring.members.filter((one) => shareOf(edges, one, ring.members) >= least),
  )
}

/** Share of the others among `members` that `one` is in lockstep with. */
export function shareOf(edges: readonly Uint32Array[], one: number, members: readonly number[]): number {
  let common = 0
  let others = 0
  for (const other of members) {
    if (other === one) continue
    others++
    if (isEdge(edges, one, other)) common++
  }
  return others === 0 ? 0 : common / others
}

/**
 * Logarithm of a bound on the probability that so many pairs of a ring that was named beforehand are in lockstep, each with probability `chance`
 * (Chernoff's bound, Hoeffding 1963).
 */
export function logChance({ edges, pairs }: Ring, chance: number): number {
  const share = edges / pairs
  if (!(share > chance)) return 0
  return -independence * pairs * (share * Math.log(share / chance) + (share < 1 ? (1 - share) * Math.log((1 - share) / (1 - chance)) : 0))
}

/** Logarithm of the number of sets of `size` accounts that `accounts` have. */
export function logSets(accounts: number, size: number): number {
  let sets = 0
  for (let k = 1; k <= size; k++) sets += Math.log((accounts - size + k) / k)
  return sets
}

function densest(edges: readonly Uint32Array[], bits: readonly Uint32Array[], left: ReadonlySet<number>): Ring | null {
  let members: number[] = []
  let most = smallestRing - 2
  const mask = maskOf([...left], edges)
  for (const seed of left) {
    // Most accounts are in lockstep with nobody.
    if (countIn(edges[seed], mask) <= most) continue
    const neighbours = [...left].filter((other) => isEdge(edges, seed, other))
    const kernel = shrunk(edges, [seed, ...neighbours])
    if (kernel.length - 1 <= most) continue
    members = kernel
    most = kernel.length - 1
  }
  if (members.length < smallestRing) return null
  const kernel = ringAmong(edges, members)
  const density = kernel.edges / kernel.pairs
  const near = [...left].filter((one) => members.includes(one) || shareOf(edges, one, members) >= joinShare * density)
  const common = commonSlots(near.map((one) => bits[one]))
  const alike = near.filter((one) => overlap(bits[one], common) >= leastOverlap)
  return alike.length < smallestRing ? kernel : ringAmong(edges, alike)
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

function isEdge(edges: readonly Uint32Array[], one: number, other: number): boolean {
  return ((edges[one][other >>> 5] >>> (other & 31)) & 1) === 1
}

function edgesWithin(edges: readonly Uint32Array[], members: readonly number[]): number {
  const mask = maskOf(members, edges)
  return members.reduce((twice, member) => twice + countIn(edges[member], mask), 0) / 2
}

function maskOf(members: readonly number[], edges: readonly Uint32Array[]): Uint32Array {
  const mask = new Uint32Array(edges.length === 0 ? 0 : edges[0].length)
  for (const member of members) mask[member >>> 5] |= 1 << (member & 31)
  return mask
}

function countIn(row: Uint32Array, mask: Uint32Array): number {
  let count = 0
  for (let w = 0; w < mask.length; w++) count += bitCount(row[w] & mask[w])
  return count
}
