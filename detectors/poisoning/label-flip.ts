import { defineDetector, type Finding } from '../../src/detection/contract.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { negativeBinomialTail } from '../../src/sketches/count-tails.ts'
import type { TrainingSampleEvent } from '../../src/telemetry/events.ts'
import { ordinarySources, samplesOf } from './examples.ts'
import { partOfDelivery, runOf, SampleBlock, shareOf } from './sample-block.ts'

/** Fewer samples of one pair are no pattern. */
const leastSamples = 3
const shownSamples = 12
/** In the place of the predicted class: samples of any class that carry one label (a trigger with a target class). */
const anyClass = 65535
/** Part of the error probability for pairs with a predicted class; the rest is for those with any. */
const partOfPairs = 0.75
/** Part of a source's error probability for the test of all its samples; the rest is for single deliveries. */
const wholeSource = 0.5
/** Prior variance of a pair's rate is at least this share of its squared mean: no run is so even that every pair has one rate. */
const leastVariety = 0.25

/** Counts of one group of samples: of a source, of a delivery, or of the whole run. */
interface Counts {
  samples: number
  mismatches: number
  readonly given: Map<number, number>
  readonly predicted: Map<number, number>
  /** Confident mismatches by pair (predicted * 65536 + given). */
  readonly pairs: Map<number, number>
}

/** What pairs of classes have in common: a gamma prior on their rates. */
interface Prior {
  readonly shape: number
  readonly exposure: number
}

interface Worst {
  pValue: number
  pair: number
  count: number
  expected: number
}

/**
 * Label flip: whose samples of one class carry the label of another one, more often than the other sources' do.
 *
 * A confident mismatch is a sample whose given label the model finds less likely than a uniform guess (loss above ln C for C classes;
 * where no loss is sent, any prediction that is not the label). For each source, and for each of its deliveries (shards), the number of
 * confident mismatches of a pair (predicted a, given b) among the distinct samples of about one epoch is compared with the rate of that
 * pair in the other sources, twice: among samples predicted a (a mislabelled sample looks like its true class) and among samples given
 * b (a confused one looks like another class); the larger p-value counts. The rate has a gamma posterior whose prior is fitted to all
 * pairs of the others (DuMouchel's gamma-Poisson shrinker), the count is therefore negative binomial. Two corrections make the test
 * robust: the other source with most mismatches of the pair is left out (one of its samples stays), so that an accomplice does not
 * hide a flip; and a source's own mismatches outside the pair, as far as the others have fewer, are spread evenly over the labels and added to what is expected, so that
 * random label noise is no flip. Labels that samples of any class carry are tested like a pair. The error probability is shared out over pairs (in proportion to the samples that could be flipped),
 * deliveries and looks: the p-value holds over all of them together.
 *
 * Compared with: the other sources of the run in the same epoch, at least three of them.
 *
 * Finds: directed flips from about eight samples on, dirty-label backdoors whose victims are predicted as one class, replaced labels.
 *
 * Misses: flips by all sources alike or by several accomplices of the same strength in one pair; clean-label attacks; labels wrong at random (see
 * source-drift); models that have memorised the flips before the first look. May name: a source with an unusual but honest kind of
 * input that the model confuses in one direction.
 *
 * Reference: DuMouchel 1999 (gamma-Poisson shrinker), Northcutt et al. 2021 (confident learning).
 */
export const labelFlip = defineDetector<SampleBlock>({
  name: 'label-flip',
  category: 'poisoning',
  version: 2,
  title: '{subject} labels samples of one class as another',
  consumes: ['trainingSample'],
  maxSubjects: 64,
  quantity: { name: 'mislabelled samples of one pair of classes, in multiples of what is expected', value: (score) => Math.exp(score) },
  leastSpread: 0.5,
  weight: 2,
  effectFloor: Math.log(2),
  build: () => ({
    subjects: runOf,
    create: () => new SampleBlock(false),

    update(block, event) {
      const findings: Finding[] = []
      block.add(event as TrainingSampleEvent, (part) => findings.push(...look(block, part)))
      return findings.length === 0 ? null : { ...findings[0], also: findings.slice(1) }
    },

    encode(block) {
      const writer = new ByteWriter(1024)
      block.encode(writer)
      return writer.finish()
    },
    decode: (bytes) => SampleBlock.decode(new ByteReader(bytes), false),
  }),
  example: {
    subject: { kind: 'source', id: 'source-3' },
    anomalous: () =>
      samplesOf(ordinarySources(), { 'source-3': (sample) => (sample.label === '1' && sample.epoch > 1 ? { label: '2' } : {}) }),
    benign: () => samplesOf(ordinarySources(), {}),
  },
})

function look(block: SampleBlock, part: number): Finding[] {
  const all = emptyCounts()
  const bySource = new Map<number, Counts>()
  const byDelivery = new Map<number, Counts>()
  const confident = confidentLoss(block)
  for (let at = 0; at < block.size; at++) {
    for (const counts of [all, of(bySource, block.source[at]), of(byDelivery, block.delivery[at])]) {
      count(counts, block, at, confident)
    }
  }
  if (bySource.size < 4) return []
  return [...bySource].map(([source, counts]) => {
    const classes = block.classes.length
    const prior = [false, true].map((any) => sides.map((side) => priorOf(all, counts, side, any, classes)))
    const rest = { all, bySource, source, prior, classes }
    let worst = { ...worstPair(counts, rest), delivery: -1 }
    let pValue = worst.pValue / (wholeSource * part * shareOf(1 + block.index - block.sourceSince[source]))
    for (const [number, ofDelivery] of byDelivery) {
      const delivery = block.deliveries[number]
      if (delivery.source !== source) continue
      const own = worstPair(ofDelivery, rest)
      const p = own.pValue / ((1 - wholeSource) * part * partOfDelivery(delivery.order) * shareOf(1 + block.index - delivery.cohort))
      if (p >= pValue) continue
      pValue = p
      worst = { ...own, delivery: number }
    }
    return findingAbout(block, source, worst, Math.min(1, pValue), confident)
  })
}

/** A mismatch above this loss is confident; with fewer than two classes or no losses, every mismatch is. */
function confidentLoss(block: SampleBlock): number {
  return block.classes.length < 2 ? Number.NEGATIVE_INFINITY : Math.log(block.classes.length)
}

function isOfPair(block: SampleBlock, at: number, pair: number): boolean {
  return block.label[at] === pair % 65536 && (pair >= anyClass * 65536 || block.predicted[at] === Math.floor(pair / 65536))
}

function isMismatch(block: SampleBlock, at: number, confident: number): boolean {
  // Without a loss the comparison is false and the prediction alone decides.
  return block.predicted[at] !== block.label[at] && !(block.loss[at] <= confident)
}

function count(counts: Counts, block: SampleBlock, at: number, confident: number): void {
  const given = block.label[at]
  const predicted = block.predicted[at]
  counts.samples++
  counts.given.set(given, (counts.given.get(given) ?? 0) + 1)
  for (const name of [predicted, anyClass]) counts.predicted.set(name, (counts.predicted.get(name) ?? 0) + 1)
  if (!isMismatch(block, at, confident)) return
  counts.mismatches++
  for (const pair of [predicted * 65536 + given, anyClass * 65536 + given]) counts.pairs.set(pair, (counts.pairs.get(pair) ?? 0) + 1)
}

/** Gamma prior of the rates of all pairs in the other sources, by moments; of pairs with any predicted class where `any` is true. */
function priorOf(all: Counts, own: Counts, side: 'predicted' | 'given', any: boolean, classes: number): Prior {
  const partners = Math.max(1, any ? (side === 'given' ? 1 : classes) : classes - 1)
  let exposure = 0
  let squaredExposure = 0
  for (const [name, samples] of all[side]) {
    if (side === 'predicted' && (name === anyClass) !== any) continue
    const others = samples - (own[side].get(name) ?? 0)
    exposure += others * partners
    squaredExposure += others * others * partners
  }
  const mean = (all.mismatches - own.mismatches + 0.5) / (exposure + 1)
  let excess = mean * mean * squaredExposure - mean * exposure
  for (const [pair, samples] of all.pairs) {
    if (pair >= anyClass * 65536 !== any) continue
    const name = side === 'predicted' ? Math.floor(pair / 65536) : pair % 65536
    const others = (all[side].get(name) ?? 0) - (own[side].get(name) ?? 0)
    const seen = samples - (own.pairs.get(pair) ?? 0)
    excess += (seen - others * mean) ** 2 - (others * mean) ** 2
  }
  const variance = Math.max(squaredExposure > 0 ? excess / squaredExposure : 0, leastVariety * mean * mean)
  return { shape: (mean * mean) / variance, exposure: mean / variance }
}

interface Rest {
  readonly all: Counts
  readonly bySource: ReadonlyMap<number, Counts>
  readonly source: number
  /** For pairs with a predicted class and with any, for rates among those predicted and those given. */
  readonly prior: readonly (readonly Prior[])[]
  readonly classes: number
}

/** The pair of a group with the smallest p-value, which holds over all pairs together. */
function worstPair(group: Counts, { all, bySource, source, prior, classes }: Rest): Worst {
  const worst: Worst = { pValue: 1, pair: -1, count: 0, expected: 0 }
  const own = bySource.get(source)!
  const others = all.samples - own.samples
  const rate = others > 0 ? (all.mismatches - own.mismatches) / others : 0
  for (const [pair, seen] of group.pairs) {
    if (seen < leastSamples) continue
    const any = pair >= anyClass * 65536
    const partners = Math.max(1, any ? classes : classes - 1)
    // Own random noise: mismatches beyond what the others have would fall on all labels evenly.
    const noise = Math.max(0, group.mismatches - seen - group.samples * rate) / group.samples / partners
    const predicted = Math.floor(pair / 65536)
    const given = pair % 65536
    let most = 0
    let accomplice: Counts | null = null
    for (const [other, counts] of bySource) {
      const seenThere = counts.pairs.get(pair) ?? 0
      if (other === source || seenThere <= most) continue
      most = seenThere
      accomplice = counts
    }
    const theirs = (all.pairs.get(pair) ?? 0) - (own.pairs.get(pair) ?? 0) - most + Math.min(1, most)
    let pValue = 0
    let expected = 0
    for (const [at, side] of sides.entries()) {
      const name = side === 'predicted' ? predicted : given
      const without = (own[side].get(name) ?? 0) + (accomplice?.[side].get(name) ?? 0)
      const { shape: priorShape, exposure: priorExposure } = prior[any ? 1 : 0][at]
      const mine = group[side].get(name) ?? 0
      const shape = theirs + priorShape
      const mean = (mine * shape) / (Math.max(0, (all[side].get(name) ?? 0) - without) + priorExposure)
      const total = mean + noise * (side === 'predicted' ? mine : (group.predicted.get(predicted) ?? 0))
      const p = negativeBinomialTail(seen, (total * total * shape) / (mean * mean), total)
      if (p < pValue) continue
      pValue = p
      expected = total
    }
    // Shares of all pairs sum to one: flips are looked for where there is something to flip.
    const share = any ? (1 - partOfPairs) / partners : (partOfPairs * (group.predicted.get(predicted) ?? 0)) / group.samples / partners
    pValue = Math.min(1, pValue / share)
    if (pValue < worst.pValue) Object.assign(worst, { pValue, pair, count: seen, expected })
  }
  return worst
}

const sides = ['predicted', 'given'] as const

function findingAbout(
  block: SampleBlock,
  source: number,
  { pair, count: seen, expected, delivery }: Worst & { delivery: number },
  pValue: number,
  confident: number,
): Finding {
  const samples: string[] = []
  let first = Number.POSITIVE_INFINITY
  let last = 0
  let events = 0
  for (let at = 0; at < block.size; at++) {
    if (block.source[at] !== source || (delivery >= 0 && block.delivery[at] !== delivery)) continue
    events++
    last = Math.max(last, block.time[at])
    if (pair < 0) first = Math.min(first, block.time[at])
    else if (isOfPair(block, at, pair) && isMismatch(block, at, confident)) {
      first = Math.min(first, block.time[at])
      if (samples.length < shownSamples && block.ids[at] !== '') samples.push(block.ids[at])
    }
  }
  const shard = delivery < 0 || block.deliveries[delivery].name === '' ? null : block.deliveries[delivery].name
  const predictedClass = pair < 0 ? null : (block.classes[Math.floor(pair / 65536)] ?? 'any')
  const givenLabel = pair < 0 ? null : block.classes[pair % 65536]
  const expectedOfPair = Number(expected.toPrecision(3))
  return {
    about: {
      subject: { kind: 'source', id: block.sources[source] },
      members: shard === null ? [] : [{ kind: 'shard', id: shard }],
      firstSeen: first,
      lastSeen: last,
    },
    score: pair < 0 ? 0 : Math.max(0, Math.log(seen / Math.max(expected, 0.1))),
    pValue: Math.max(pValue, Number.MIN_VALUE),
    events,
    evidence: {
      ...(pair >= 0 && {
        fact: `${seen} samples that the model takes for ${predictedClass === 'any' ? 'others' : predictedClass} are labelled ${givenLabel}, where ${expectedOfPair} are expected`,
      }),
      predictedClass,
      givenLabel,
      samplesOfPair: seen,
      expectedOfPair,
      distinctSamples: events,
      shard,
      epoch: block.index + 1,
      sampleIds: samples.join(' '),
    },
    sketch: null,
  }
}

function emptyCounts(): Counts {
  return { samples: 0, mismatches: 0, given: new Map(), predicted: new Map(), pairs: new Map() }
}

function of(groups: Map<number, Counts>, number: number): Counts {
  let counts = groups.get(number)
  if (counts === undefined) {
    counts = emptyCounts()
    groups.set(number, counts)
  }
  return counts
}
