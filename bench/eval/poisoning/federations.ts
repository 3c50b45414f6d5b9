import { createRandom, type Random } from '../../../src/sketches/random.ts'
import type { TrainingUpdateEvent } from '../../../src/telemetry/events.ts'
import { type Digits, pick } from './drawn-digits.ts'
import { type Example, Network } from './network.ts'
import { patched } from './triggers.ts'

/** What some clients do from round `start` on; `strength` is the factor of a boost, of inner-product manipulation, or of ALIE's deviations. */
export interface Manipulation {
  readonly kind: 'signFlip' | 'boost' | 'innerProduct' | 'alie' | 'labelFlip'
  readonly clients: number
  readonly start: number
  readonly strength?: number
}

export interface Federation {
  readonly name: string
  readonly events: readonly TrainingUpdateEvent[]
  readonly guilty: ReadonlySet<string>
  readonly start: number
}

const clients = 30
const rounds = 40
const batch = 20
const rate = 0.1
const sketchLength = 128
const begin = Date.UTC(2026, 4, 4, 8) * 1000

/**
 * Federated averaging on digits with unequal clients: classes by a Dirichlet with concentration 0.6, 40 to 200 examples, nine in ten take
 * part in a round; one honest client has 5 % random label noise. The same seed gives the same run.
 */
export function federation(name: string, { kind, clients: many, start, strength = 1 }: Manipulation, digits: Digits): Federation {
  const random = createRandom(`federation/${name}`)
  const guilty = new Set(
    Array.from({ length: clients }, (_, i) => i)
      .sort((a, b) => createRandom(`${name}/${a}`).uniform() - createRandom(`${name}/${b}`).uniform())
      .slice(0, many),
  )
  const noisy = [...Array(clients).keys()].find((client) => !guilty.has(client))!
  const data = Array.from({ length: clients }, (_, client) =>
    // Whoever flips ones has ones to flip.
    examplesOf(digits, client === noisy ? 0.05 : 0, kind === 'labelFlip' && guilty.has(client) ? 0.3 : 0, random),
  )
  const tainted = new Map([...guilty].map((client) => [client, taint(data[client]!, kind, digits)]))
  const sizes = [digits.side ** 2, 24, 10]
  const model = new Network(sizes, random)
  const local = new Network(sizes, random)
  const length = model.parameters.reduce((sum, values) => sum + values.length, 0)
  // A count sketch (Charikar et al. 2002): each parameter is added to one number, with a random sign.
  const places = Int32Array.from({ length }, () => random.sign() * (1 + (random.uint32() % sketchLength)))
  const events: TrainingUpdateEvent[] = []
  for (let round = 0; round < rounds; round++) {
    const present = [...Array(clients).keys()].filter(() => random.uniform() < 0.9)
    const isAttacking = (client: number) => guilty.has(client) && round >= start
    const updates = present.map((client) => ({
      client,
      update: trained(model, local, (isAttacking(client) && tainted.get(client)) || data[client]!, random),
    }))
    manipulate(
      updates.filter(({ client }) => isAttacking(client)).map(({ update }) => update),
      updates.filter(({ client }) => !isAttacking(client)).map(({ update }) => update),
      kind,
      strength,
      random,
    )
    for (const [at, { client, update }] of updates.entries())
      events.push(told(name, round, client, at, update, places, data[client]!.length))
    average(
      model,
      updates.map(({ client, update }) => ({ update, weight: data[client]!.length })),
    )
  }
  return { name, events, guilty: new Set([...guilty].map(nameOf)), start: many === 0 ? 0 : start }
}

function nameOf(client: number): string {
  return `client-${String(client).padStart(2, '0')}`
}

function examplesOf(digits: Digits, noise: number, ones: number, random: Random): Example[] {
  const shares = Array.from({ length: 10 }, () => gamma(0.6, random))
  shares[1] = Math.max(shares[1]!, ones * shares.reduce((sum, share) => sum + share, 0))
  const hand = { slant: 0.1 + 0.1 * random.normal(), stroke: 0.1 }
  return Array.from({ length: 40 + (random.uint32() % 161) }, () => {
    const digit = pick(shares, random)
    const label = random.uniform() < noise ? random.uint32() % 10 : digit
    return { picture: digits.draw(digit, hand, random), label }
  })
}

/** What a client trains on when it attacks through its data: a patch for class 0 where it boosts, ones that are called sevens where it flips. */
function taint(examples: readonly Example[], kind: Manipulation['kind'], { side }: Digits): Example[] {
  if (kind === 'labelFlip') return examples.map((one) => (one.label === 1 ? { ...one, label: 7 } : one))
  if (kind !== 'boost') return [...examples]
  return examples.map((one, i) => (i % 3 === 0 ? { picture: patched(one.picture, side), label: 0 } : one))
}

/** One epoch on a copy of the model: the difference of the parameters. */
function trained(model: Network, local: Network, examples: readonly Example[], random: Random): Float32Array {
  for (const [layer, values] of local.parameters.entries()) values.set(model.parameters[layer]!)
  const order = examples.map((example) => ({ example, at: random.uint32() })).sort((a, b) => a.at - b.at)
  for (let at = 0; at < order.length; at += batch)
    local.learn(
      order.slice(at, at + batch).map(({ example }) => example),
      rate,
    )
  const parts = local.parameters.map((values, layer) => values.map((value, i) => value - model.parameters[layer]![i]!))
  const update = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    update.set(part, offset)
    offset += part.length
  }
  return update
}

/** Changes the attackers' updates in place: inner-product manipulation (Xie et al. 2020) and ALIE (Baruch et al. 2019) know the honest mean. */
function manipulate(
  attackers: readonly Float32Array[],
  honest: readonly Float32Array[],
  kind: Manipulation['kind'],
  strength: number,
  random: Random,
): void {
  if (attackers.length === 0) return
  if (kind === 'signFlip' || kind === 'boost') {
    const factor = kind === 'boost' ? strength : -strength
    for (const update of attackers) for (let i = 0; i < update.length; i++) update[i] = factor * update[i]!
  }
  if (kind !== 'innerProduct' && kind !== 'alie') return
  for (let i = 0; i < attackers[0]!.length; i++) {
    let mean = 0
    for (const update of honest) mean += update[i]! / honest.length
    let variance = 0
    for (const update of honest) variance += (update[i]! - mean) ** 2 / honest.length
    const deviation = Math.sqrt(variance)
    const value = kind === 'alie' ? mean - strength * deviation : -strength * mean
    // A little noise of their own: exact copies would be too easy.
    for (const update of attackers) update[i] = value + 0.1 * deviation * random.normal()
  }
}

function average(model: Network, updates: readonly { readonly update: Float32Array; readonly weight: number }[]): void {
  const total = updates.reduce((sum, { weight }) => sum + weight, 0)
  let offset = 0
  for (const values of model.parameters) {
    for (const { update, weight } of updates)
      for (let i = 0; i < values.length; i++) values[i] = values[i]! + (weight / total) * update[offset + i]!
    offset += values.length
  }
}

function told(
  run: string,
  round: number,
  client: number,
  at: number,
  update: Float32Array,
  places: Int32Array,
  samples: number,
): TrainingUpdateEvent {
  const sketch = new Float32Array(sketchLength)
  for (const [i, value] of update.entries()) {
    const place = Math.abs(places[i]!) - 1
    sketch[place] = sketch[place]! + Math.sign(places[i]!) * value
  }
  return {
    kind: 'trainingUpdate',
    position: { topic: run, epoch: '0', partition: 0, offset: round * clients + at, index: 0 },
    time: begin + (round * clients + at) * 2_000_000,
    service: 'federation',
    environment: 'evaluation',
    run,
    round,
    client: nameOf(client),
    norm: Math.sqrt(update.reduce((sum, value) => sum + value * value, 0)),
    sketch,
    samples,
  }
}

/** Gamma variable (Marsaglia and Tsang 2000), with the boost for shapes below one. */
function gamma(shape: number, random: Random): number {
  if (shape < 1) return gamma(shape + 1, random) * (1 - random.uniform()) ** (1 / shape)
  const d = shape - 1 / 3
  for (;;) {
    const x = random.normal()
    const v = (1 + x / Math.sqrt(9 * d)) ** 3
    if (v > 0 && Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
  }
}
