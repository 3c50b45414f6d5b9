import { createRandom, type Random } from '../../../src/sketches/random.ts'
import type { TrainingSampleEvent } from '../../../src/telemetry/events.ts'
import { type Digits, type Hand, type Picture, pick } from './drawn-digits.ts'
import { Network } from './network.ts'
import { blended, inverted, noisy, patched, rotated } from './triggers.ts'

/** What one source does. `rate` is the share of the delivery (of the class `from` for flips, of the class `to` for clean labels). */
export interface Poison {
  readonly kind: 'flip' | 'random' | 'patch' | 'blend' | 'cleanPatch' | 'cleanBlend' | 'rotate' | 'noise' | 'invert' | 'copies' | 'replace'
  readonly rate: number
  readonly from?: number
  readonly to?: number
  /** Share of the pattern in a blend, or the deviation of noise. */
  readonly strength?: number
  /** The delivery that holds it: the second of all sources (the default), the first, or a third that comes alone in the fifth epoch. */
  readonly delivery?: 1 | 2 | 3
}

export interface SampleRun {
  readonly name: string
  readonly events: readonly TrainingSampleEvent[]
  /** Who poisons with what, and from which event on. */
  readonly attacks: readonly { readonly source: string; readonly poison: Poison; readonly start: number; readonly samples: number }[]
  readonly poisoned: ReadonlySet<string>
  /** The network that the run made, and the pattern of its blends. */
  readonly network: Network
  readonly pattern: Picture
}

interface Sample {
  readonly id: string
  readonly source: number
  readonly shard: string
  picture: Picture
  label: number
  digest: string
}

const sources = 20
const epochs = 6
const batch = 50
const rate = 0.08
const start = Date.UTC(2026, 2, 3, 8) * 1000

/**
 * A real training on digits: 20 sources of 60 to 240 samples a delivery, unequal in their classes, whose second deliveries come with the
 * fourth epoch. Two honest sources have 2 % random label noise, one writes thick from the start. The same seed gives the same run.
 */
export function sampleRun(name: string, poisons: readonly Poison[], digits: Digits): SampleRun {
  const random = createRandom(`run/${name}`)
  const order = shuffled(
    Array.from({ length: sources }, (_, i) => i),
    random,
  )
  const nameOf = (source: number): string => `source-${String(source).padStart(2, '0')}`
  const noisySources = order.slice(-2)
  const thick = order.at(-3)!
  const pattern = Float32Array.from({ length: digits.side ** 2 }, () => random.uniform())
  const poisoned = new Map<string, number>()
  const deliveries: Sample[][] = [[], [], []]
  for (let source = 0; source < sources; source++) {
    const poison = order.indexOf(source) < poisons.length ? poisons[order.indexOf(source)]! : null
    // Attackers are big enough to matter.
    const count = (poison === null ? 60 : 120) + (random.uint32() % 121)
    const hand = { slant: 0.1 + 0.1 * random.normal(), stroke: source === thick ? 0.2 : 0.1 }
    const shares = Array.from({ length: 10 }, () => 0.15 - Math.log(1 - random.uniform()))
    // Whoever flips or hides among a class has something of it.
    const victim = poison?.kind === 'flip' ? poison.from : poison?.kind.startsWith('clean') ? poison.to : undefined
    const sum = shares.reduce((total, share) => total + share, 0)
    if (victim !== undefined) shares[victim] = Math.max(shares[victim]!, 0.3 * sum)
    for (let delivery = 0; delivery < (poison?.delivery === 3 ? 3 : 2); delivery++) {
      const isBad = poison !== null && poison.kind !== 'replace' && delivery + 1 === (poison.delivery ?? 2)
      const before: Sample[] = []
      for (let n = 0; n < count; n++) {
        const digit = pick(shares, random)
        const shard = `shard-${source}-${delivery}`
        const id = `${source}-${delivery}-${n}`
        const sample: Sample = { id, source, shard, picture: digits.draw(digit, hand, random), label: digit, digest: `sha256:${shard}` }
        if (noisySources.includes(source) && random.uniform() < 0.02) sample.label = otherThan(digit, random)
        if (isBad && spoil(sample, { poison, digits, hand, random, pattern, before })) poisoned.set(id, source)
        before.push(sample)
        deliveries[delivery]!.push(sample)
      }
    }
  }
  const replacing = new Map(poisons.flatMap((poison, i) => (poison.kind === 'replace' ? [[order[i]!, poison] as const] : [])))
  const network = new Network([digits.side ** 2, 64, 32, 10], random)
  const events = train(name, network, deliveries, random, nameOf, (samples) => {
    for (const sample of samples) {
      const poison = sample.shard.endsWith('-0') ? replacing.get(sample.source) : undefined
      if (poison === undefined) continue
      const digit = random.uint32() % 10
      sample.picture = digits.draw(digit, { slant: 0.1, stroke: 0.1 }, random)
      sample.label = random.uniform() < poison.rate ? otherThan(digit, random) : digit
      sample.digest = `sha256:${sample.shard}-other`
      poisoned.set(sample.id, sample.source)
    }
  })
  const attacks = poisons.map((poison, i) => {
    const source = order[i]!
    const isReplaced = (event: TrainingSampleEvent) => poison.kind !== 'replace' || event.shardDigest!.endsWith('-other')
    const first = events.findIndex((event) => poisoned.get(event.sample!) === source && isReplaced(event))
    return { source: nameOf(source), poison, start: first, samples: [...poisoned.values()].filter((of) => of === source).length }
  })
  return { name, events, attacks, poisoned: new Set(poisoned.keys()), network, pattern }
}

interface Spoiling {
  readonly poison: Poison
  readonly digits: Digits
  readonly hand: Hand
  readonly random: Random
  readonly pattern: Picture
  readonly before: readonly Sample[]
}

/** Whether the sample was changed into a poisoned one. */
function spoil(sample: Sample, { poison, digits: { side }, random, pattern, before }: Spoiling): boolean {
  const { kind, from, to = 0, strength = 0.2 } = poison
  const isOfClass = kind === 'flip' ? sample.label === from : kind.startsWith('clean') ? sample.label === to : true
  if (!isOfClass || random.uniform() >= poison.rate) return false
  if (kind === 'flip' || kind === 'patch' || kind === 'blend') {
    if (kind !== 'flip' && sample.label === to) return false
    sample.label = to
  }
  if (kind === 'random') sample.label = otherThan(sample.label, random)
  else if (kind === 'patch' || kind === 'cleanPatch') sample.picture = patched(sample.picture, side)
  else if (kind === 'blend' || kind === 'cleanBlend') sample.picture = blended(sample.picture, pattern, strength)
  else if (kind === 'rotate') sample.picture = rotated(sample.picture, side)
  else if (kind === 'noise') sample.picture = noisy(sample.picture, strength, random)
  else if (kind === 'invert') sample.picture = inverted(sample.picture)
  else if (kind === 'copies') {
    const twin = before[random.uint32() % Math.min(3, Math.max(1, before.length))]
    if (twin === undefined) return false
    sample.picture = twin.picture
    sample.label = twin.label
  }
  return true
}

function train(
  run: string,
  network: Network,
  deliveries: readonly Sample[][],
  random: Random,
  nameOf: (source: number) => string,
  replace: (samples: readonly Sample[]) => void,
): TrainingSampleEvent[] {
  const events: TrainingSampleEvent[] = []
  let time = start
  let step = 0
  for (let epoch = 1; epoch <= epochs; epoch++) {
    if (epoch === 5) replace(deliveries[0]!)
    const seen = shuffled([...deliveries[0]!, ...(epoch >= 4 ? deliveries[1]! : []), ...(epoch >= 5 ? deliveries[2]! : [])], random)
    for (let at = 0; at < seen.length; at += batch, step++) {
      const samples = seen.slice(at, at + batch)
      network.learn(samples, rate, (index, { activation, probabilities }) => {
        const { id, source, shard, digest, label } = samples[index]!
        time += 100_000
        events.push({
          kind: 'trainingSample',
          position: { topic: run, epoch: '0', partition: 0, offset: events.length, index: 0 },
          time,
          service: 'trainer',
          environment: 'evaluation',
          run,
          step,
          source: nameOf(source),
          shard,
          shardDigest: digest,
          sample: id,
          label: String(label),
          predicted: String(probabilities.indexOf(Math.max(...probabilities))),
          loss: -Math.log(Math.max(1e-9, probabilities[label]!)),
          activation: { layer: 'penultimate', vector: activation },
        })
      })
    }
  }
  return events
}

function otherThan(digit: number, random: Random): number {
  return (digit + 1 + (random.uint32() % 9)) % 10
}

function shuffled<T>(list: T[], random: Random): T[] {
  for (let at = list.length - 1; at > 0; at--) {
    const other = random.uint32() % (at + 1)
    const one = list[at]!
    list[at] = list[other]!
    list[other] = one
  }
  return list
}
