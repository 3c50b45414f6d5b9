import { defineDetector, type Finding } from '../../src/detection/contract.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { medianOf, RobustSpread, UsualScale } from '../../src/sketches/robust.ts'
import { federationExample } from './update-examples.ts'
import { angle, medianSketch } from './update-outlier.ts'
import { UpdatePairs } from './update-pairs.ts'
import { federationOf, partOfLook, type Update, UpdateRound } from './update-round.ts'

/** Whoever stayed away for so many rounds is no longer compared with. */
const recentRounds = 5
/** Fewer clients cannot be compared, nor fewer pairs. */
const leastClients = 8
/** A client joins the others of a ring when its own p-value, which holds over all looks, is no larger. */
const joins = 0.01
/** A p-value of one test below this is a suspicious round; the rounds without a break before it are when it began. */
const suspicious = 0.01
/** Common parts below this share of a usual squared residual are noise. */
const leastCommon = 0.02
/** Differences below these are not worth speaking of: Fisher's z, and the logarithm of the common part. */
const leastAlignedScale = 0.05
const leastCommonScale = 0.1

interface State {
  round: UpdateRound
  /** Rounds that were judged. */
  looks: number
  leads: number
  readonly scales: { readonly aligned: UsualScale; readonly common: UsualScale }
  pairs: UpdatePairs
}

interface Judged {
  readonly slot: number
  readonly isPresent: boolean
  readonly closest: readonly number[]
  readonly test: 'common' | 'aligned'
  readonly deviation: number
  readonly pValue: number
}

/**
 * Sybil updates: clients of a federation that push the model in one direction together.
 *
 * When a round closes, the coordinate-wise median of its sketches is taken away from each of them, and what is left is compared in
 * pairs: Fisher's z of the cosine, and the common part (inner product in units of the round's median squared length). Both are averaged
 * over the rounds that a pair had in common (decay 0.8; pairs are judged from three rounds on). A client's two numbers are the means of
 * its three largest averages: of Fisher's z ("aligned": copies, small-variance collusion as in A Little Is Enough), and of the
 * common part, as a logarithm ("common": sybils that pull in one direction and harder than honest clients with similar data do). Each
 * becomes a deviation from the robust location of all clients' numbers in robust spreads and a p-value of Student's t; the smaller
 * one counts twice, and the error probability is spread over the rounds of the run. FoolsGold compares cosines of
 * sums over the whole history with no null; honest clients with similar data come ever closer to each other in such sums.
 *
 * Clients that are suspicious at once and among each other's closest partners are one ring: one finding, about the one that was named
 * first, with the others as members.
 *
 * Compared with: all other clients of the run, each by its own closest partners.
 *
 * Finds: rings of three or more that flip labels or plant the same backdoor, from the third common round on; copies and small-variance
 * collusion at once.
 *
 * Misses: single attackers and pairs that are not near copies (see update-outlier); rings of more than a third of the clients; runs in which
 * the same two clients rarely meet; clients beyond 256 at a time. May name: honest clients that are many, hold one class only and hold
 * much of it, where all others hold all classes.
 *
 * Reference: Fung et al. 2020 (FoolsGold), Baruch et al. 2019 (A Little Is Enough), Shejwalkar and Houmansadr 2021 (common direction of residuals).
 */
export const sybilUpdates = defineDetector<State>({
  name: 'sybil-updates',
  category: 'poisoning',
  version: 1,
  title: '{subject} and others push the model in one direction together',
  consumes: ['trainingUpdate'],
  maxSubjects: 64,
  quantity: { name: 'deviation from the other clients in their spreads', value: (score) => Math.exp(score) },
  leastSpread: 0.5,
  weight: 1,
  effectFloor: Math.log(3),
  build: () => ({
    subjects: federationOf,
    create: () => ({
      round: new UpdateRound(),
      looks: 0,
      leads: 0,
      scales: { aligned: new UsualScale(), common: new UsualScale() },
      pairs: new UpdatePairs(),
    }),

    update(state, event) {
      if (event.kind !== 'trainingUpdate') return null
      const closed = state.round.add(event)
      const centre = closed === null ? null : medianSketch(closed)
      if (closed === null || centre === null) return null
      const findings = judge(state, closed, centre)
      return findings.length === 0 ? null : { ...findings[0], also: findings.slice(1) }
    },

    encode({ round, looks, leads, scales, pairs }) {
      const writer = new ByteWriter(1024)
      round.encode(writer)
      writer.u32(looks).u32(leads).f64(scales.aligned.value).f64(scales.common.value)
      pairs.encode(writer)
      return writer.finish()
    },

    decode(bytes) {
      const reader = new ByteReader(bytes)
      return {
        round: UpdateRound.decode(reader),
        looks: reader.u32(),
        leads: reader.u32(),
        scales: { aligned: new UsualScale(reader.f64()), common: new UsualScale(reader.f64()) },
        pairs: UpdatePairs.decode(reader),
      }
    },
  }),
  example: {
    subject: { kind: 'client', id: 'client-11' },
    anomalous: () => {
      const flip = () => ({ pull: Array.from({ length: 16 }, (_, i) => (i % 3 === 0 ? 2.5 : 0)) })
      return federationExample({ 'client-2': flip, 'client-4': flip, 'client-9': flip, 'client-11': flip, 'client-17': flip })
    },
    benign: () => federationExample({}),
  },
})

function judge(state: State, updates: readonly Update[], centre: Float64Array): Finding[] {
  state.looks++
  const { pairs } = state
  const slots = updates.map(({ client, time, round, sketch }) =>
    sketch === null ? -1 : pairs.slotOf(client, time, round ?? state.looks, state.looks),
  )
  for (const slot of slots) {
    if (slot < 0) continue
    pairs.clients[slot].rounds++
    pairs.clients[slot].lastRound = state.looks
  }
  learn(pairs, updates, slots, centre)

  // Those who stay away for some rounds are still of their ring, and of those whom others are compared with.
  const present = new Map(slots.map((slot, i) => [slot, updates[i]]))
  const recent = [...pairs.clients.keys()].flatMap((slot) => {
    if (state.looks - pairs.clients[slot].lastRound >= recentRounds) return []
    const partners = pairs.partnersOf(slot, leastClients - 1)
    return partners === null ? [] : [{ slot, partners }]
  })
  if (recent.length < leastClients) return []
  const aligned = recent.map(({ partners }) => partners.aligned)
  const common = recent.map(({ partners }) => Math.log(Math.max(leastCommon, partners.common)))
  const spreads = {
    aligned: new RobustSpread(aligned, leastAlignedScale, state.scales.aligned),
    common: new RobustSpread(common, leastCommonScale, state.scales.common),
  }
  const part = partOfLook(state.looks) / 2
  const judged = recent.map(({ slot, partners: { closest } }, i): Judged => {
    const deviation = { aligned: spreads.aligned.deviation(aligned[i]), common: spreads.common.deviation(common[i]) }
    const ofTest = { aligned: spreads.aligned.tail(deviation.aligned), common: spreads.common.tail(deviation.common) }
    const test = ofTest.aligned < ofTest.common ? 'aligned' : 'common'
    const update = present.get(slot)
    if (update !== undefined) began(pairs.clients[slot], ofTest[test], update, state.looks)
    const pValue = Math.min(1, Math.max(ofTest[test] / part, Number.MIN_VALUE))
    return { slot, isPresent: update !== undefined, closest, test, deviation: deviation[test], pValue }
  })
  return ringsOf(judged)
    .filter((ring) => ring.some(({ isPresent }) => isPresent))
    .map((ring) => findingAbout(state, ring, updates))
}

/** Adds a round to the averages of all pairs that took part in it. */
function learn(pairs: UpdatePairs, updates: readonly Update[], slots: readonly number[], centre: Float64Array): void {
  const residuals = updates.map(({ sketch }, i) => (slots[i] < 0 ? null : Float64Array.from(centre, (value, k) => sketch![k] - value)))
  const squares = residuals.map((residual) => (residual === null ? Number.NaN : product(residual, residual)))
  const usual = medianOf(Float64Array.from(squares.filter((value) => value > 0)))
  if (!(usual > 0)) return
  for (const [i, one] of residuals.entries()) {
    for (let j = 0; j < i; j++) {
      const other = residuals[j]
      if (one !== null && other !== null) pairs.add(slots[i], slots[j], angle(one, other), bounded(product(one, other) / usual))
    }
  }
}

/** Rings of clients that are suspicious and close to each other; every other client by itself. */
function ringsOf(judged: readonly Judged[]): Judged[][] {
  const suspects = new Map(judged.filter(({ pValue }) => pValue <= joins).map((one) => [one.slot, one]))
  const rings: Judged[][] = []
  const taken = new Set<number>()
  const near = (one: Judged, other: Judged): boolean => one.closest.includes(other.slot) || other.closest.includes(one.slot)
  for (const one of judged) {
    if (taken.has(one.slot)) continue
    taken.add(one.slot)
    const ring = [one]
    if (suspects.has(one.slot)) {
      for (const member of ring) {
        for (const other of suspects.values()) {
          if (taken.has(other.slot) || !near(member, other)) continue
          taken.add(other.slot)
          ring.push(other)
        }
      }
    }
    rings.push(ring)
  }
  return rings
}

function findingAbout(state: State, ring: readonly Judged[], updates: readonly Update[]): Finding {
  const { clients } = state.pairs
  // The incident stays with whom it was opened about.
  const rank = ({ slot }: Judged): number => clients[slot].lead || Number.POSITIVE_INFINITY
  const lead = ring.reduce((best, one) => (rank(one) < rank(best) || (rank(one) === rank(best) && one.pValue < best.pValue) ? one : best))
  const client = clients[lead.slot]
  if (lead.pValue <= joins && client.lead === 0) client.lead = ++state.leads
  const { test, deviation, pValue } = lead
  const lastSeen = Math.max(...updates.map(({ time }) => time))
  let since = { time: client.sinceTime === 0 ? client.firstSeen : client.sinceTime, round: client.sinceRound }
  for (const { slot } of ring) {
    const { sinceTime, sinceRound } = clients[slot]
    if (sinceTime > 0 && sinceTime < since.time) since = { time: sinceTime, round: sinceRound }
  }
  return {
    about: {
      subject: { kind: 'client', id: client.name },
      members: ring.filter((one) => one !== lead).map(({ slot }) => ({ kind: 'client', id: clients[slot].name })),
      firstSeen: Math.min(since.time, lastSeen),
      lastSeen,
    },
    score: Math.log(Math.max(1, deviation)),
    pValue,
    events: ring.reduce((sum, { slot }) => sum + clients[slot].rounds, 0),
    evidence: {
      fact:
        test === 'aligned' ? 'updates are near copies of each other' : 'updates share a pull that is stronger than others have in common',
      test,
      deviation: Number(deviation.toPrecision(4)),
      round: updates[0].round,
      beganInRound: client.sinceTime === 0 ? null : since.round,
      clients: ring.length,
      clientsInRound: updates.length,
    },
    sketch: null,
  }
}

/** Keeps when the present run of suspicious rounds began; one that was suspicious from its first look on was so from its first round on. */
function began(client: UpdatePairs['clients'][number], ofTest: number, { time, round }: Update, look: number): void {
  client.looks++
  if (ofTest > suspicious) client.sinceTime = 0
  else if (client.sinceTime === 0) {
    client.sinceTime = client.looks === 1 ? client.firstSeen : time
    client.sinceRound = client.looks === 1 ? client.firstRound : (round ?? look)
  }
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

/** One round of one pair must not outweigh all others for ever. */
function bounded(value: number): number {
  return Math.max(-1e6, Math.min(1e6, value))
}
