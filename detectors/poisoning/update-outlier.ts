import { defineDetector, type Finding } from '../../src/detection/contract.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { medianOf, RobustSpread, UsualScale } from '../../src/sketches/robust.ts'
import { federationExample } from './update-examples.ts'
import { federationOf, partOfLook, type Update, UpdateRound } from './update-round.ts'

/** Fewer updates in a round cannot be compared. */
const leastClients = 8
/** What a client's past is worth a round later: about five rounds count. */
const memory = 0.8
/** A past of three rounds can be compared with: 1 + 0.8 + 0.64. */
const leastPast = 2.4
/** A client's own unsteadiness counts like that of all clients after so many changes. */
const priorChanges = 10
/** Bound on memory; who was silent longest makes room. */
const mostClients = 1024
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

/** What is remembered of one client: 650 bytes at 128 dimensions. */
interface Client {
  /** Rounds that count in the averages. */
  weight: number
  logNorm: number
  direction: number
  /** Decayed sum of the client's updates as unit vectors, and its weight. */
  readonly path: Float32Array
  pathWeight: number
  /** Decayed sum of the update's angle to that path, and its weight. */
  angle: number
  angleWeight: number
  /** Sum of the squared changes of its norm, as logarithms, and their number: how unsteady it is by itself. */
  changeSquares: number
  changes: number
  rounds: number
  firstSeen: number
  /** When the present run of suspicious rounds began: round and time; time 0 where there is none. */
  sinceRound: number
  sinceTime: number
}

interface State {
  round: UpdateRound
  /** Rounds that were judged. */
  looks: number
  /** One for each part of each test. */
  readonly scales: readonly UsualScale[]
  readonly clients: Map<string, Client>
}

/**
 * Update outlier: the client of a federation whose updates are too large, point elsewhere, or turn against what it sent before.
 *
 * When a round closes, each update is compared with those of the other clients of the round, in four ways. (1) Norm: logarithm of the
 * L2 norm less the round's median, averaged over the client's last rounds (decay 0.8). (2) Norm change: this round's number less the
 * client's average, where it is above the round's median (a small client that sends more than usual is no danger), in spreads of all
 * clients' changes widened for clients that were unsteady before (their own squared changes shrunk towards all clients', which count
 * like ten). (3) Direction: Fisher's z of the cosine to the coordinate-wise median of the round's sketches, in spreads of the round,
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
  version: 1,
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
      clients: new Map(),
    }),

    update(state, event) {
      if (event.kind !== 'trainingUpdate') return null
      const closed = state.round.add(event)
      if (closed === null || closed.length < leastClients) return null
      const findings = judge(state, closed)
      return { ...findings[0], also: findings.slice(1) }
    },

    encode({ round, looks, scales, clients }) {
      const writer = new ByteWriter(1024)
      round.encode(writer)
      writer.u32(looks)
      for (const { value } of scales) writer.f64(value)
      writer.u32(clients.size)
      for (const [name, one] of clients) {
        writer
          .text(name)
          .f64(one.weight)
          .f64(one.logNorm)
          .f64(one.direction)
          .f64(one.pathWeight)
          .f64(one.angle)
          .f64(one.angleWeight)
          .f64(one.changeSquares)
          .f64(one.changes)
        writer.u32(one.rounds).f64(one.firstSeen).f64(one.sinceRound).f64(one.sinceTime)
        writer.u16(one.path.length).f32s(one.path)
      }
      return writer.finish()
    },

    decode(bytes) {
      const reader = new ByteReader(bytes)
      const state: State = {
        round: UpdateRound.decode(reader),
        looks: reader.u32(),
        scales: Array.from({ length: parts }, () => new UsualScale(reader.f64())),
        clients: new Map(),
      }
      for (let left = reader.u32(); left > 0; left--) {
        state.clients.set(reader.text(), {
          weight: reader.f64(),
          logNorm: reader.f64(),
          direction: reader.f64(),
          pathWeight: reader.f64(),
          angle: reader.f64(),
          angleWeight: reader.f64(),
          changeSquares: reader.f64(),
          changes: reader.f64(),
          rounds: reader.u32(),
          firstSeen: reader.f64(),
          sinceRound: reader.f64(),
          sinceTime: reader.f64(),
          path: reader.f32s(reader.u16()),
        })
      }
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
  const clients = updates.map((update) => clientOf(state, update))
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
  return updates.map((update, i) => {
    let best = { test: tests[0] as Test, deviation: 0, pValue: 1 }
    for (const [t, test] of tests.entries()) {
      let least = { test, deviation: Number.POSITIVE_INFINITY, pValue: 0 }
      for (const { values, spread } of judged[t]) {
        const known = spread.size >= leastClients && Number.isFinite(values[i])
        const deviation = known ? spread.deviation(values[i]) : 0
        const pValue = known ? spread.tail(deviation) : 1
        if (pValue >= least.pValue) least = { test, deviation, pValue }
      }
      if (least.pValue < best.pValue) best = least
    }
    return findingAbout(clients[i], update, best, part, updates.length)
  })
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

function clientOf(state: State, { client: name, time }: Update): Client {
  let client = state.clients.get(name)
  if (client === undefined) {
    if (state.clients.size >= mostClients) state.clients.delete(state.clients.keys().next().value as string)
    client = {
      weight: 0,
      logNorm: 0,
      direction: 0,
      path: new Float32Array(state.round.dimensions),
      pathWeight: 0,
      angle: 0,
      angleWeight: 0,
      changeSquares: 0,
      changes: 0,
      rounds: 0,
      firstSeen: time,
      sinceRound: 0,
      sinceTime: 0,
    }
  } else {
    state.clients.delete(name)
    if (client.pathWeight === 0 && client.path.length !== state.round.dimensions) {
      client = { ...client, path: new Float32Array(state.round.dimensions) }
    }
  }
  state.clients.set(name, client)
  return client
}

function learn(client: Client, { sketch }: Update, norm: number, direction: number, turn: number, change: number): void {
  client.rounds++
  client.weight = memory * client.weight + 1
  client.logNorm = memory * client.logNorm + (Number.isFinite(norm) ? norm : client.weight > 1 ? client.logNorm / client.weight : 0)
  client.direction = memory * client.direction + (Number.isFinite(direction) ? direction : 0)
  if (Number.isFinite(change)) {
    client.changeSquares += change * change
    client.changes++
  }
  if (Number.isFinite(turn)) {
    client.angle = memory * client.angle + turn
    client.angleWeight = memory * client.angleWeight + 1
  }
  const { path } = client
  if (sketch === null || sketch.length !== path.length) return
  let squares = 0
  for (const value of sketch) squares += value * value
  const unit = 1 / Math.sqrt(squares)
  for (let i = 0; i < path.length; i++) path[i] = memory * path[i] + unit * sketch[i]
  client.pathWeight = memory * client.pathWeight + 1
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
