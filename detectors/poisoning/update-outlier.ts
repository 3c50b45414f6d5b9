import { defineDetector, type Finding } from '../../src/detection/contract.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { gammaTail } from '../../src/sketches/count-tails.ts'
import { HeavyTail } from '../../src/sketches/heavy-tail.ts'
import { medianOf, RobustSpread, UsualScale } from '../../src/sketches/robust.ts'
import { type Client, clientOf, decodeClient, encodeClient, learn } from './update-client.ts'
import { federationExample } from './update-examples.ts'
import { federationOf, partOfLook, type Update, UpdateRound } from './update-round.ts'

/** Fewer updates in a round cannot be compared. */
const leastClients = 8
/** A past of three rounds can be compared with: 1 + 0.8 + 0.64. */
const leastPast = 2.4
/** A client's own unsteadiness counts like that of all clients after so many changes. */
const priorChanges = 10
/** Changes of norms are judged over the last one, two and three rounds of a client (Fisher's method). */
const mostRounds = 3
/** A p-value of one test below this is a suspicious round; the rounds without a break before it are when it began. */
const suspicious = 0.01
/** The least spreads that a round is taken to have: of logarithms of norms, of deviations, and of Fisher z of cosines (0.93 against 0.9). */
const leastNormScale = 0.05
const leastAngleScale = 0.05
/** Five independent deviations average to 1/sqrt(5). */
const leastDirectionScale = 0.4
const leastTurnScale = 0.15
/** Keeps Fisher's z of a cosine finite. */
const mostCosine = 0.9999

const tests = ['norm', 'normChange', 'direction', 'directionChange'] as const
type Test = (typeof tests)[number]
/** Parts of all tests together. */
const parts = 6
/** What is compared between clients: a test is as suspicious as the least suspicious of its parts. */
interface Part {
  readonly values: readonly number[]
  readonly least: number
}

const facts: Readonly<Record<Test, string>> = {
  norm: 'updates are larger than those of the others',
  normChange: 'the update is larger than the client’s earlier ones',
  direction: 'updates point away from the centre of the round',
  directionChange: 'the update points away from the client’s earlier ones',
}

interface State {
  round: UpdateRound
  /** Rounds that were judged. */
  looks: number
  /** One for each part of each test. */
  readonly scales: readonly UsualScale[]
  /** How heavy the tail of changes of norms is in this run. */
  readonly changeTail: HeavyTail
  readonly clients: Map<string, Client>
}

/**
 * Update outlier: the client of a federation whose updates are too large, point elsewhere, or turn against what it sent before.
 *
 * When a round closes, each update is compared with those of the other clients of the round, in four ways. (1) Norm: logarithm of the
 * L2 norm less the round's median, averaged over the client's last rounds (decay 0.8). (2) Norm change: this round's number less the
 * client's average, where it is above the round's median (a small client that sends more than usual is no danger), in spreads of all
 * clients' changes widened for clients that were unsteady before (their own squared changes shrunk towards all clients', which count
 * like ten); its null has the tail that such changes have in this run (`HeavyTail`), because training jumps by itself, and the client's last
 * one, two and three changes are judged together (Fisher): one jump may be honest, two in a row are not. (3) Direction: Fisher's z of the cosine to the coordinate-wise median of the round's sketches, in spreads of the round,
 * averaged likewise. (4) Direction change: Fisher's z of the cosine between the update and the decayed sum of the client's own earlier
 * ones (FLDetector's consistency without its Hessian): an honest client pulls into the direction of its own data round after round,
 * whoever changes its aim does not. It too must be low against the others' and, less the client's own average (small clients are less
 * steady), against their changes. Each number becomes a deviation from the robust location of all clients in robust spreads (mean and
 * standard deviation of what lies within 2.5 median deviations), and a p-value of Student's t. The smallest of the four counts
 * fourfold, and the error probability is spread over the rounds of the run: the p-value holds over all looks together.
 *
 * What is rare among the clients of one run is found, not what is unusual in itself: clients with odd data are compared with clients
 * whose data are odd in other ways, and small norms (small clients) are never suspicious.
 *
 * Compared with: the other clients of the same round (at least eight), and the client's own last rounds.
 *
 * Finds: boosted updates and model replacement in the first round; sign flips, inner-product manipulation and other attacks that begin
 * in mid-run within a few rounds; updates against the common direction from the start, while the model still learns fast.
 *
 * Misses: attackers that were there from the first round and keep norm and direction near the others' (see sybil-updates); attacks by
 * more than a third of the clients; the last round of a run, which no later one closes. May name: an honest client that gets wholly new data.
 *
 * Reference: Zhang et al. 2022 (FLDetector), Sun et al. 2019 (norm bounds), Yin et al. 2018 (coordinate-wise median).
 */
export const updateOutlier = defineDetector<State>({
  name: 'update-outlier',
  category: 'poisoning',
  version: 2,
  title: '{subject} sends updates unlike those of the other clients',
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
      scales: Array.from({ length: parts }, () => new UsualScale()),
      changeTail: new HeavyTail(),
      clients: new Map(),
    }),

    update(state, event) {
      if (event.kind !== 'trainingUpdate') return null
      const closed = state.round.add(event)
      if (closed === null || closed.length < leastClients) return null
      const findings = judge(state, closed)
      return { ...findings[0], also: findings.slice(1) }
    },

    encode({ round, looks, scales, changeTail, clients }) {
      const writer = new ByteWriter(1024)
      round.encode(writer)
      writer.u32(looks)
      for (const { value } of scales) writer.f64(value)
      changeTail.encode(writer)
      writer.u32(clients.size)
      for (const [name, one] of clients) encodeClient(writer.text(name), one)
      return writer.finish()
    },

    decode(bytes) {
      const reader = new ByteReader(bytes)
      const state: State = {
        round: UpdateRound.decode(reader),
        looks: reader.u32(),
        scales: Array.from({ length: parts }, () => new UsualScale(reader.f64())),
        changeTail: HeavyTail.decode(reader),
        clients: new Map(),
      }
      for (let left = reader.u32(); left > 0; left--) state.clients.set(reader.text(), decodeClient(reader))
      return state
    },
  }),
  example: {
    subject: { kind: 'client', id: 'client-3' },
    anomalous: () => federationExample({ 'client-3': (round) => (round < 5 ? {} : { scale: -1 }) }),
    benign: () => federationExample({}),
  },
})

function judge(state: State, updates: readonly Update[]): Finding[] {
  state.looks++
  const clients = updates.map((update) => clientOf(state.clients, update, state.round.dimensions))
  const median = medianOf(Float64Array.from(updates.map(({ logNorm }) => logNorm)).filter((value) => !Number.isNaN(value)))
  const norms = updates.map(({ logNorm }) => logNorm - median)
  const centre = medianSketch(updates)
  const toCentre = updates.map(({ sketch }) => (sketch === null || centre === null ? Number.NaN : angle(sketch, centre)))
  const round = new RobustSpread(toCentre, leastAngleScale)
  const directions = toCentre.map((value) => (Number.isNaN(value) ? Number.NaN : round.deviation(value)))

  const angles = updates.map(({ sketch }, i) => {
    const { path, pathWeight } = clients[i]
    return sketch === null || pathWeight < leastPast || path.length !== sketch.length ? Number.NaN : -angle(sketch, path)
  })
  const normChange = norms.map((norm, i) => (clients[i].weight < leastPast ? Number.NaN : norm - clients[i].logNorm / clients[i].weight))
  const angleChange = angles.map((value, i) =>
    clients[i].angleWeight < 1 ? Number.NaN : value - clients[i].angle / clients[i].angleWeight,
  )
  const changeScale = new RobustSpread(normChange, leastNormScale, state.scales[parts - 1]).scale
  const steadyChange = normChange.map((value, i) => {
    const { changeSquares, changes } = clients[i]
    const own = Math.sqrt((priorChanges * changeScale ** 2 + changeSquares) / (priorChanges + changes))
    return norms[i] > 0 ? value * (changeScale / own) : Math.min(0, value)
  })
  for (const [i, update] of updates.entries()) learn(clients[i], update, norms[i], directions[i], angles[i], normChange[i])
  // Changes below the round's median norm are cut off: they say nothing of the tail.
  const heard = steadyChange.filter((_, i) => norms[i] > 0)
  const part = partOfLook(state.looks) / tests.length
  const found: Record<Test, readonly Part[]> = {
    norm: [{ values: clients.map(({ logNorm, weight }) => logNorm / weight), least: leastNormScale }],
    normChange: [{ values: steadyChange, least: changeScale }],
    direction: [{ values: clients.map(({ direction, weight }) => -direction / weight), least: leastDirectionScale }],
    directionChange: [
      { values: angles, least: leastTurnScale },
      { values: angleChange, least: leastTurnScale },
    ],
  }
  let at = 0
  const judged = tests.map((test) =>
    found[test].map(({ values, least }) => ({ values, spread: new RobustSpread(values, least, state.scales[at++]) })),
  )
  const findings = updates.map((update, i) => {
    let best = { test: tests[0] as Test, deviation: 0, pValue: 1 }
    for (const [t, test] of tests.entries()) {
      let least = { test, deviation: Number.POSITIVE_INFINITY, pValue: 0 }
      for (const { values, spread } of judged[t]) {
        const known = spread.size >= leastClients && Number.isFinite(values[i])
        const deviation = known ? spread.deviation(values[i]) : 0
        const pValue = !known
          ? 1
          : test === 'normChange'
            ? surprise(state.changeTail, clients[i], deviation, spread)
            : spread.tail(deviation)
        if (pValue >= least.pValue) least = { test, deviation, pValue }
      }
      if (least.pValue < best.pValue) best = least
    }
    return findingAbout(clients[i], update, best, part, updates.length)
  })
  const [{ spread: changes }] = judged[tests.indexOf('normChange')]
  for (const value of heard) if (Number.isFinite(value)) state.changeTail.add(changes.deviation(value))
  return findings
}

/** p-value of a change of norm together with the client's changes before, in the tail that changes have in this run. */
function surprise(tail: HeavyTail, { surprises }: Client, deviation: number, { freedom }: RobustSpread): number {
  surprises.unshift(-Math.log(Math.max(tail.pValue(deviation, freedom), Number.MIN_VALUE)))
  surprises.length = Math.min(surprises.length, mostRounds)
  let sum = 0
  let least = 1
  for (const [before, one] of surprises.entries()) {
    sum += one
    least = Math.min(least, gammaTail(sum, before + 1))
  }
  return Math.min(1, mostRounds * least)
}

function findingAbout(
  client: Client,
  { client: id, time, round, logNorm }: Update,
  { test, deviation, pValue: ofTest }: { test: Test; deviation: number; pValue: number },
  part: number,
  others: number,
): Finding {
  if (ofTest > suspicious) client.sinceTime = 0
  else if (client.sinceTime === 0) {
    client.sinceTime = time
    client.sinceRound = round ?? client.rounds
  }
  const since = client.sinceTime === 0 ? client.firstSeen : client.sinceTime
  return {
    about: { subject: { kind: 'client', id }, firstSeen: Math.min(since, time), lastSeen: time },
    score: Math.log(Math.max(1, deviation)),
    pValue: Math.min(1, Math.max(ofTest / part, Number.MIN_VALUE)),
    events: client.rounds,
    evidence: {
      fact: facts[test],
      test,
      deviation: Number(deviation.toPrecision(4)),
      round,
      beganInRound: client.sinceTime === 0 ? null : client.sinceRound,
      norm: Number.isFinite(Math.exp(logNorm)) ? Number(Math.exp(logNorm).toPrecision(4)) : null,
      clientsInRound: others,
    },
    sketch: null,
  }
}

/** Fisher's z of the cosine of two vectors; 0 where one of them has no direction. */
export function angle(a: Float32Array | Float64Array, b: Float32Array | Float64Array): number {
  let product = 0
  let aa = 0
  let bb = 0
  for (let i = 0; i < a.length; i++) {
    product += a[i] * b[i]
    aa += a[i] * a[i]
    bb += b[i] * b[i]
  }
  if (!(aa > 0 && bb > 0)) return 0
  return Math.atanh(Math.max(-mostCosine, Math.min(mostCosine, product / Math.sqrt(aa * bb))))
}

/** Coordinate-wise median of the round's sketches; null where fewer than eight have one. */
export function medianSketch(updates: readonly Update[]): Float64Array | null {
  const sketches = updates.flatMap(({ sketch }) => (sketch === null ? [] : [sketch]))
  if (sketches.length < leastClients) return null
  const column = new Float64Array(sketches.length)
  return Float64Array.from({ length: sketches[0].length }, (_, i) => {
    for (let j = 0; j < sketches.length; j++) column[j] = sketches[j][i]
    return medianOf(column)
  })
}
