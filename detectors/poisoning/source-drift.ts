import { defineDetector, type Finding } from '../../src/detection/contract.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { chiSquaredTail, skewedTail } from '../../src/sketches/count-tails.ts'
import type { TrainingSampleEvent } from '../../src/telemetry/events.ts'
import { Deviation } from './deviation.ts'
import { ordinarySources, samplesOf } from './examples.ts'
import { runOf, SampleBlock, shareOf } from './sample-block.ts'

/** Fewer samples on either side are no distribution. */
const leastSamples = 16
/** Tests of a delivery, which share its error probability. */
const tests = 2
/** Part of a source's error probability for its first delivery, which has only itself as its past. */
const firstDelivery = 0.25

interface State {
  block: SampleBlock
  /** Mean and number of the strangeness of each delivery in the last block. */
  past: Map<number, Past>
  /** The same in the present block, as of its last look. */
  present: Map<number, Past>
  index: number
}

interface Past {
  readonly samples: number
  readonly mean: number
}

/**
 * Source drift: whose new material is another kind of data than what the source delivered before, and than what the others deliver.
 *
 * Every sample is compared with the other sources' samples of the same label that have been trained on equally often in the same epoch
 * (the model moves, and fresh samples look different to it for everybody). Two tests for each delivery (shard) against the source's own
 * past: (1) the mean of its whitened, clipped activations, an MMD with the kernel r(x) r(y), whose null is a sum of chi-squared matched
 * by two moments, against the others and against the source's earlier deliveries; the larger p-value counts, so that a source which
 * was always different (another writer, another scanner) is not news; (2) its mean strangeness, -ln(1 - rank of the loss) - ln(1 - rank of
 * the activation's smallness) among the others, which sees a minority of foreign samples. The source's own habit is estimated from its
 * earlier deliveries, or from this one in the last epoch, and shrunk towards none where it is not significant (James and Stein);
 * the null is a shifted gamma. The population stability index of the loss, with its chi-squared null, is part of the evidence. The error
 * probability is shared out over deliveries and looks.
 *
 * Compared with: the source's own past and the other sources' samples of the same label and age in the run.
 *
 * Finds: shards from another distribution (rotated, noisy, of another domain, badly labelled), replaced content, backdoors that move the
 * mean.
 *
 * Misses: sources that were foreign from the first sample on; changes that all sources make together; a minority of samples which
 * the model finds as easy as the rest. May name: a source that changes its camera, scanner or language without saying so.
 *
 * Reference: Gretton et al. 2012 (MMD), Box 1954 (moments of quadratic forms), Efron and Morris 1973, Yurdakul 2018 (PSI).
 */
export const sourceDrift = defineDetector<State>({
  name: 'source-drift',
  category: 'poisoning',
  version: 1,
  title: '{subject} delivers other data than before',
  consumes: ['trainingSample'],
  maxSubjects: 64,
  quantity: { name: 'shift against the own past, in multiples of what sampling alone gives', value: (score) => Math.exp(score) },
  leastSpread: 0.3,
  weight: 1,
  effectFloor: Math.log(1.3),
  build: () => ({
    subjects: runOf,
    create: () => ({ block: new SampleBlock(true), past: new Map(), present: new Map(), index: 0 }),

    update(state, event) {
      const findings: Finding[] = []
      state.block.add(event as TrainingSampleEvent, () => findings.push(...look(state)))
      return findings.length === 0 ? null : { ...findings[0], also: findings.slice(1) }
    },

    encode({ block, past, present, index }) {
      const writer = new ByteWriter(4096).u32(index)
      for (const memory of [past, present]) {
        writer.u32(memory.size)
        for (const [delivery, { samples, mean }] of memory) writer.u16(delivery).u32(samples).f64(mean)
      }
      block.encode(writer)
      return writer.finish()
    },
    decode(bytes) {
      const reader = new ByteReader(bytes)
      const index = reader.u32()
      const [past, present] = [0, 1].map(() => {
        const memory = new Map<number, Past>()
        for (let left = reader.u32(); left > 0; left--) memory.set(reader.u16(), { samples: reader.u32(), mean: reader.f64() })
        return memory
      })
      return { index, past, present, block: SampleBlock.decode(reader, true) }
    },
  }),
  example: {
    subject: { kind: 'source', id: 'source-3' },
    anomalous: () =>
      samplesOf(ordinarySources(), {
        'source-3': (sample) => (sample.shard.endsWith('b') && sample.index % 2 === 0 ? { shift: [-3, 3, -3, 3] } : {}),
      }),
    benign: () => samplesOf(ordinarySources(), { 'source-3': () => ({ shift: [-2, 2, -2, 2] }) }),
  },
})

/** What the two tests say of one delivery. */
interface Verdict {
  readonly delivery: number
  readonly pValue: number
  readonly ratio: number
  readonly zStrangeness: number
  readonly samples: number
  readonly pastSamples: number
  readonly test: string
}

function look(state: State): Finding[] {
  const { block } = state
  if (state.index !== block.index) {
    state.past = state.present
    state.index = block.index
  }
  const strangeness = new Strangeness(block)
  state.present = strangeness.byDelivery()
  if (block.sources.length < 4) return []
  const deviation = block.dimensions > 0 ? new Deviation(block) : null
  const worst = new Map<number, Verdict>()
  for (const number of state.present.keys()) {
    const verdict = judge(state, number, strangeness, deviation)
    if (verdict === null) continue
    const { source } = block.deliveries[number]
    if (verdict.pValue < (worst.get(source)?.pValue ?? 2)) worst.set(source, verdict)
  }
  return [...worst].map(([source, verdict]) => findingAbout(block, source, verdict, strangeness))
}

function judge(state: State, number: number, strangeness: Strangeness, deviation: Deviation | null): Verdict | null {
  const { block } = state
  const delivery = block.deliveries[number]
  const mine = state.present.get(number)!
  if (mine.samples < leastSamples) return null
  const isEarlier = (other: number) =>
    block.deliveries[other].source === delivery.source && block.deliveries[other].cohort < delivery.cohort
  let pastSamples = 0
  let pastSum = 0
  for (const [other, { samples, mean }] of state.present) {
    if (!isEarlier(other)) continue
    pastSamples += samples
    pastSum += samples * mean
  }
  const earlierSamples = pastSamples
  const before = state.past.get(number)
  if (before !== undefined) {
    pastSamples += before.samples
    pastSum += before.samples * before.mean
  }
  if (pastSamples < leastSamples) return null
  const z = strangeness.change(mine, { samples: pastSamples, mean: pastSum / pastSamples })
  const pStrange = skewedTail(z, strangeness.skewness / Math.sqrt(mine.samples))
  let moved = { pValue: 1, ratio: 1 }
  if (deviation !== null && earlierSamples >= leastSamples) {
    const samples = deviation.samplesOf(delivery.source)
    const fresh = deviation.mean(
      delivery.source,
      samples.filter((at) => block.delivery[at] === number),
    )
    const old = deviation.mean(
      delivery.source,
      samples.filter((at) => isEarlier(block.delivery[at])),
    )
    if (fresh !== null && old !== null && fresh.samples >= leastSamples && old.samples >= leastSamples) {
      const others = deviation.tail(squared(fresh.mean), fresh.variance, -1)
      const own = deviation.tail(squaredDifference(fresh.mean, old.mean), fresh.variance + old.variance, -1)
      moved = { pValue: Math.max(others.pValue, own.pValue), ratio: Math.min(others.ratio, own.ratio) }
    }
  }
  const smaller = Math.min(1, tests * Math.min(pStrange, moved.pValue))
  const part = delivery.order === 1 ? firstDelivery : (1 - firstDelivery) * shareOf(delivery.order - 1)
  return {
    delivery: number,
    pValue: Math.min(1, smaller / (part * shareOf(++delivery.looks))),
    ratio: moved.ratio,
    zStrangeness: z,
    samples: mine.samples,
    pastSamples,
    test: moved.pValue < pStrange ? 'mean activation' : 'loss and size of activation',
  }
}

/**
 * How strange each sample is among the other samples of its label and cohort: the sum of two standard exponential variables under the
 * null, by the ranks of its loss (high is strange) and of the length of its activation (short is strange).
 */
class Strangeness {
  readonly values: Float64Array
  /** Decile (0 to 9) of the loss; -1 without one. */
  readonly lossDecile: Int8Array
  readonly mean: number
  readonly deviation: number
  readonly skewness: number
  readonly #block: SampleBlock

  constructor(block: SampleBlock) {
    this.#block = block
    this.values = new Float64Array(block.size)
    this.lossDecile = new Int8Array(block.size).fill(-1)
    const strata = new Map<number, number[]>()
    const classes = new Map<number, number[]>()
    for (let at = 0; at < block.size; at++) {
      push(strata, block.label[at] * 65536 + (block.deliveries[block.delivery[at]].cohort % 65536), at)
      push(classes, block.label[at], at)
    }
    const lengths = Float64Array.from({ length: block.size }, (_, at) => -Math.sqrt(squared(block.vector(at))))
    for (const members of strata.values()) {
      // A cohort of one source alone has nobody to be ranked among but the whole class.
      const isAlone = members.every((at) => block.source[at] === block.source[members[0]])
      const among = isAlone ? classes.get(block.label[members[0]])! : members
      if (block.dimensions > 0) this.#rank(members, among, lengths, false)
      this.#rank(members, among, block.loss, true)
    }
    const { mean, deviation, skewness } = momentsOf(this.values)
    this.mean = mean
    this.deviation = deviation
    this.skewness = skewness
  }

  byDelivery(): Map<number, Past> {
    const sums = new Map<number, { samples: number; sum: number }>()
    for (let at = 0; at < this.#block.size; at++) {
      const sum = sums.get(this.#block.delivery[at]) ?? { samples: 0, sum: 0 }
      sum.samples++
      sum.sum += this.values[at] - this.mean
      sums.set(this.#block.delivery[at], sum)
    }
    return new Map([...sums].map(([number, { samples, sum }]) => [number, { samples, mean: sum / samples }]))
  }

  /** Standardised change of a mean against a past one, the latter shrunk towards zero by how significant it is. */
  change(now: Past, past: Past): number {
    if (!(this.deviation > 0)) return 0
    const significance = (past.mean * past.mean * past.samples) / (this.deviation * this.deviation)
    const kept = Math.max(0, 1 - 1 / significance)
    const variance = 1 / now.samples + kept / past.samples
    return (now.mean - kept * past.mean) / (this.deviation * Math.sqrt(variance))
  }

  #rank(members: readonly number[], among: readonly number[], values: ArrayLike<number>, isLoss: boolean): void {
    const sorted = Float64Array.from(among, (at) => values[at])
      .filter((value) => !Number.isNaN(value))
      .sort()
    if (sorted.length === 0) return
    for (const at of members) {
      const value = values[at]
      if (Number.isNaN(value)) continue
      // Middle of the ties.
      const rank = (lowerBound(sorted, value, false) + lowerBound(sorted, value, true)) / 2 / (sorted.length + 1)
      this.values[at] -= Math.log(1 - rank)
      if (isLoss) this.lossDecile[at] = Math.min(9, Math.floor(10 * rank))
    }
  }
}

function findingAbout(block: SampleBlock, source: number, verdict: Verdict, strangeness: Strangeness): Finding {
  const { delivery, ratio, zStrangeness } = verdict
  const shard = block.deliveries[delivery].name === '' ? null : block.deliveries[delivery].name
  const inside = new Float64Array(10)
  const outside = new Float64Array(10)
  const strangest: number[] = []
  let first = Number.POSITIVE_INFINITY
  let last = 0
  for (let at = 0; at < block.size; at++) {
    const decile = strangeness.lossDecile[at]
    if (block.delivery[at] !== delivery) {
      if (decile >= 0 && block.source[at] !== source) outside[decile]++
      continue
    }
    first = Math.min(first, block.time[at])
    last = Math.max(last, block.time[at])
    if (decile >= 0) inside[decile]++
    if (block.ids[at] !== '') strangest.push(at)
  }
  strangest.sort((a, b) => strangeness.values[b] - strangeness.values[a] || a - b)
  const psi = stability(inside, outside)
  const effect = Math.max(1, ratio, zStrangeness > 0 ? zStrangeness * zStrangeness : 0)
  return {
    about: {
      subject: { kind: 'source', id: block.sources[source] },
      members: shard === null ? [] : [{ kind: 'shard', id: shard }],
      firstSeen: first,
      lastSeen: last,
    },
    score: 0.5 * Math.log(effect),
    pValue: Math.max(verdict.pValue, Number.MIN_VALUE),
    events: verdict.samples,
    evidence: {
      shard,
      strongest: verdict.test,
      samples: verdict.samples,
      samplesOfPast: verdict.pastSamples,
      activationShift: figure(Math.sqrt(ratio)),
      strangenessDeviations: figure(zStrangeness),
      lossStabilityIndex: figure(psi.index),
      lossStabilityPValue: figure(psi.pValue),
      epoch: block.index + 1,
      sampleIds: strangest
        .slice(0, 12)
        .map((at) => block.ids[at])
        .join(' '),
    },
    sketch: null,
  }
}

/** Population stability index of two histograms over ten bins; under the null it is chi-squared times (1/n + 1/m), with nine degrees. */
function stability(a: Float64Array, b: Float64Array): { index: number; pValue: number } {
  const n = a.reduce((sum, count) => sum + count, 0)
  const m = b.reduce((sum, count) => sum + count, 0)
  if (n === 0 || m === 0) return { index: 0, pValue: 1 }
  let index = 0
  for (let bin = 0; bin < a.length; bin++) {
    const p = (a[bin] + 0.5) / (n + 5)
    const q = (b[bin] + 0.5) / (m + 5)
    index += (p - q) * Math.log(p / q)
  }
  return { index, pValue: chiSquaredTail(index / (1 / n + 1 / m), a.length - 1) }
}

function momentsOf(values: Float64Array): { mean: number; deviation: number; skewness: number } {
  const n = Math.max(1, values.length)
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  let second = 0
  let third = 0
  for (const value of values) {
    second += (value - mean) ** 2 / n
    third += (value - mean) ** 3 / n
  }
  const deviation = Math.sqrt(second)
  return { mean, deviation, skewness: deviation > 0 ? third / deviation ** 3 : 0 }
}

/** Number of elements below `value`, or with `inclusive` at most `value`. */
function lowerBound(ascending: Float64Array, value: number, inclusive: boolean): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ascending[middle] < value || (inclusive && ascending[middle] === value)) low = middle + 1
    else high = middle
  }
  return low
}

function push(groups: Map<number, number[]>, key: number, at: number): void {
  const group = groups.get(key)
  if (group === undefined) groups.set(key, [at])
  else group.push(at)
}

function squared(vector: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < vector.length; i++) sum += vector[i] * vector[i]
  return sum
}

function squaredDifference(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2
  return sum
}

function figure(value: number): number {
  return Number(value.toPrecision(4))
}
