import { defineDetector, type Finding } from '../../src/detection/contract.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { combine } from '../../src/sketches/combination.ts'
import { chiSquaredTail } from '../../src/sketches/count-tails.ts'
import type { TrainingSampleEvent } from '../../src/telemetry/events.ts'
import { Deviation } from './deviation.ts'
import { ordinarySources, samplesOf } from './examples.ts'
import { partOfDelivery, runOf, SampleBlock, shareOf } from './sample-block.ts'
import { type Past, Strangeness } from './strangeness.ts'

/** Fewer samples on either side are no distribution. */
const leastSamples = 16
/** Earlier deliveries that deviate from the others with a p-value below this show a habit of the source. */
const habitual = 0.1

interface State {
  block: SampleBlock
  /** Mean strangeness of each delivery in the last block. */
  past: Map<number, Past>
  /** The same in the present block, as of its last look. */
  present: Map<number, Past>
  index: number
}

/**
 * Source drift: whose new material is another kind of data than what the source delivered before, and than what the others deliver.
 *
 * Every sample is compared with the other sources' samples of the same label that have been trained on equally often in the same epoch
 * (the model moves, and fresh samples look different to it for everybody). Three tests for each delivery (shard) against the source's own
 * past: (1) the mean of its whitened, clipped activations, an MMD with the kernel r(x) r(y), whose null is a sum of chi-squared matched
 * by two moments; (2) its mean loss and (3) its mean loss and shortness of activation,
 * as -ln(1 - rank) among the others, which see a minority of foreign samples. The source's own habit is estimated from its earlier
 * deliveries, or from this one in the last epoch, and shrunk towards none where it is not significant (James and Stein), so that a source
 * which was always different (another writer, another scanner) is compared with itself, and all others with the rest; the null of (2) and (3) is a
 * shifted gamma. The population stability index of the loss, with its chi-squared null, is part of the evidence. A delivery whose cohort
 * has fewer than three other sources is not tested: fresh material is strange to any model. The tests are
 * combined (Cauchy), and the error probability is shared out over deliveries and looks.
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
  version: 2,
  title: '{subject} delivers other data than before',
  consumes: ['trainingSample'],
  maxSubjects: 64,
  quantity: { name: 'shift against the own past, in multiples of what sampling alone gives', value: (score) => Math.exp(score) },
  leastSpread: 0.3,
  weight: 2,
  effectFloor: Math.log(1.3),
  build: () => ({
    subjects: runOf,
    create: () => ({ block: new SampleBlock(true), past: new Map(), present: new Map(), index: 0 }),

    update(state, event) {
      const findings: Finding[] = []
      state.block.add(event as TrainingSampleEvent, (part) => findings.push(...look(state, part)))
      return findings.length === 0 ? null : { ...findings[0], also: findings.slice(1) }
    },

    encode({ block, past, present, index }) {
      const writer = new ByteWriter(4096).u32(index)
      for (const memory of [past, present]) {
        writer.u32(memory.size)
        for (const [delivery, { samples, means }] of memory) writer.u16(delivery).u32(samples).f64(means[0]).f64(means[1])
      }
      block.encode(writer)
      return writer.finish()
    },
    decode(bytes) {
      const reader = new ByteReader(bytes)
      const index = reader.u32()
      const [past, present] = [0, 1].map(() => {
        const memory = new Map<number, Past>()
        for (let left = reader.u32(); left > 0; left--) {
          memory.set(reader.u16(), { samples: reader.u32(), means: [reader.f64(), reader.f64()] })
        }
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

/** What the tests say of one delivery. */
interface Verdict {
  readonly delivery: number
  readonly pValue: number
  readonly ratio: number
  readonly z: number
  readonly samples: number
  readonly pastSamples: number
  readonly test: string
}

function look(state: State, part: number): Finding[] {
  const { block } = state
  if (state.index !== block.index) {
    state.past = state.present
    state.index = block.index
  }
  const strangeness = new Strangeness(block)
  state.present = strangeness.byDelivery()
  if (block.sources.length < 4) return []
  // Only made where somebody has a past to be compared with.
  let made: Deviation | null = null
  const deviation = () => (made ??= new Deviation(block))
  const hasCompany = block.company()
  const worst = new Map<number, Verdict>()
  for (const number of state.present.keys()) {
    const { source, cohort } = block.deliveries[number]
    const share = partOfDelivery(block.deliveries[number].order) * part * shareOf(1 + block.index - cohort)
    // Fresh material is strange to the model, whoever delivers it: alone in its cohort it says nothing.
    const verdict = hasCompany(cohort, source) ? judge(state, number, strangeness, deviation) : null
    if (verdict === null) continue
    const pValue = Math.min(1, verdict.pValue / share)
    if (pValue < (worst.get(source)?.pValue ?? 2)) worst.set(source, { ...verdict, pValue })
  }
  return [...worst].map(([source, verdict]) => findingAbout(block, source, verdict, strangeness))
}

function judge(state: State, number: number, strangeness: Strangeness, deviation: () => Deviation): Verdict | null {
  const { block } = state
  const delivery = block.deliveries[number]
  const mine = state.present.get(number)!
  if (mine.samples < leastSamples) return null
  const isEarlier = (other: number) =>
    block.deliveries[other].source === delivery.source && block.deliveries[other].cohort < delivery.cohort
  const earlier = [...state.present].filter(([other]) => isEarlier(other)).map(([, past]) => past)
  const before = state.past.get(number)
  const past = together(before === undefined ? earlier : [...earlier, before])
  if (past.samples < leastSamples) return null
  const ways = strangeness.scores.map((_, way) => strangeness.change(mine, past, way))
  const stranger = ways[0].pValue <= ways[1].pValue ? ways[0] : ways[1]
  let moved = { pValue: 1, ratio: 1 }
  if (block.dimensions > 0 && together(earlier).samples >= leastSamples) {
    const samples = deviation().samplesOf(delivery.source)
    const ofDelivery = samples.filter((at) => block.delivery[at] === number)
    const fresh = deviation().mean(delivery.source, ofDelivery)
    const ofPast = samples.filter((at) => isEarlier(block.delivery[at]))
    const old = deviation().mean(delivery.source, ofPast)
    if (fresh !== null && old !== null && fresh.samples >= leastSamples && old.samples >= leastSamples) {
      const { pValue, ratio } = deviation().displacement(old, -1)
      moved = deviation().change(fresh, old, -1, {
        isHabit: pValue < habitual,
        common: Math.max(0, 1 - 1 / ratio),
        variance: Math.max(0, ratio - 1) * old.variance,
      })
    }
  }
  return {
    delivery: number,
    pValue: combine(
      [...ways, moved].map(({ pValue }) => ({ pValue, weight: 1 })),
      0,
    ),
    ratio: moved.ratio,
    z: stranger.z,
    samples: mine.samples,
    pastSamples: past.samples,
    test: moved.pValue < stranger.pValue ? 'mean activation' : stranger === ways[0] ? 'loss' : 'loss and short activations',
  }
}

function together(parts: readonly Past[]): Past {
  const samples = parts.reduce((sum, part) => sum + part.samples, 0)
  const means = [0, 1].map((way) => parts.reduce((sum, part) => sum + (part.samples * part.means[way]) / Math.max(1, samples), 0))
  return { samples, means }
}

function findingAbout(block: SampleBlock, source: number, verdict: Verdict, strangeness: Strangeness): Finding {
  const { delivery, ratio, z } = verdict
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
  strangest.sort((a, b) => strangeness.scores[1][b] - strangeness.scores[1][a] || a - b)
  const psi = stability(inside, outside)
  const effect = Math.max(1, ratio, z > 0 ? z * z : 0)
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
      fact: `${verdict.samples} samples differ from ${verdict.pastSamples} earlier ones of the source, most in ${verdict.test}`,
      shard,
      strongest: verdict.test,
      samples: verdict.samples,
      samplesOfPast: verdict.pastSamples,
      activationShift: figure(Math.sqrt(ratio)),
      strangenessDeviations: figure(z),
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

function figure(value: number): number {
  return Number(value.toPrecision(4))
}
