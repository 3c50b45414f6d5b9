import { defineDetector, type Finding } from '../../src/detection/contract.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import type { TrainingSampleEvent } from '../../src/telemetry/events.ts'
import { clusterAxis } from './cluster-axis.ts'
import { Deviation } from './deviation.ts'
import { DisplacedClasses, leastSamples, membersOf, type Verdict } from './displaced-classes.ts'
import { ordinarySources, samplesOf } from './examples.ts'
import { type Duplicates, nearDuplicates } from './near-duplicates.ts'
import { partOfDelivery, runOf, SampleBlock, shareOf } from './sample-block.ts'

const shownSamples = 12
/** What is surer than this is told to those who watch the model that the run makes. */
const whisperedBelow = 0.01
/** Parts of a source's error probability: for all its samples of a class, for its near-duplicates, for single deliveries. */
const parts = { whole: 0.2, duplicates: 0.1, deliveries: 0.7 } as const
/** Near-duplicates are counted where a look sees most of a block. */
const mostOfBlock = 0.5
/**
 * Backdoor activation: whose samples of one class form a cluster of their own inside that class.
 *
 * A trigger drives the network into activations that its target class does not have otherwise. Activations are whitened by their class
 * (Mahalanobis, robust and shrunk, no trusted reference, `classResiduals`) and compared with those of the other sources' samples of the
 * same label that have been trained on equally often. For each source, and for each of its deliveries (shards), and each class with eight
 * samples or more: is the mean displaced (moments of quadratic forms)? As honest sources differ too (another writer's hand displaces
 * whole classes), one of three signs must join it. (1) The samples split in two along the displacement, as poisoned and clean ones do. The
 * direction is learned from one half of the samples; the other half is tested for variance along it (F) and for samples in the others'
 * far tail, both against what the source shows in its other classes anyway: a spectral signature whose direction was not picked from
 * the tested samples. (2) The class is displaced against the source's own earlier deliveries, beyond the habits that those show (empirical
 * Bayes over its classes) and beyond what changes in its other classes. (3) The class is displaced further than the most displaced one of the
 * source's other classes, and than classes of honest sources are in this run (their upper quartile): a trigger has one target, a hand writes all digits. This
 * one needs no past and no company, and so sees backdoors of the first shard and of shards that come alone.
 * The signs are combined (Cauchy, most of the weight on the change); the larger p-value of displacement and signs counts; besides, near-duplicates of
 * a source are counted (`nearDuplicates`); the error probability is shared out over classes (in proportion to the source's samples), deliveries and looks. The samples beyond the 95 %
 * quantile of the others along the direction are named.
 *
 * Compared with: the other sources' samples of the same label and age in the same epoch, at least sixteen of them.
 *
 * Finds: patch and blended triggers, clean-label poison that moves the activations, mislabelled clusters, copies injected under other ids.
 *
 * Misses: triggers of fewer than about eight samples a delivery and class; triggers that all sources carry; a trigger that the watched layer
 * does not show. May name: an honest source whose new delivery holds an unusual kind of one class.
 *
 * Reference: Tran et al. 2018 (spectral signatures), Chen et al. 2018 (activation clustering), Lee et al. 2018 (Mahalanobis),
 * Hayase et al. 2021 (robust covariance against poison).
 */
export const backdoorActivation = defineDetector<SampleBlock>({
  name: 'backdoor-activation',
  category: 'poisoning',
  version: 2,
  title: '{subject} delivers a cluster of its own inside a class',
  consumes: ['trainingSample'],
  maxSubjects: 64,
  quantity: { name: 'displacement or scatter of a class, in multiples of what the others show', value: (score) => Math.exp(score) },
  leastSpread: 0.3,
  weight: 2,
  effectFloor: Math.log(1.3),
  build: () => ({
    subjects: runOf,
    create: () => new SampleBlock(true),

    update(block, event) {
      const findings: Finding[] = []
      block.add(event as TrainingSampleEvent, (part) => findings.push(...look(block, part)))
      return findings.length === 0 ? null : { ...findings[0], also: findings.slice(1) }
    },

    encode(block) {
      const writer = new ByteWriter(4096)
      block.encode(writer)
      return writer.finish()
    },
    decode: (bytes) => SampleBlock.decode(new ByteReader(bytes), true),
  }),
  example: {
    subject: { kind: 'source', id: 'source-3' },
    anomalous: () =>
      samplesOf(ordinarySources(), {
        'source-3': (sample) =>
          sample.shard.endsWith('b') && sample.index % 4 === 0 ? { label: '0', shift: [5, 0, -5, 5, 0, 5, 0, -5] } : {},
      }),
    benign: () => samplesOf(ordinarySources(), { 'source-3': () => ({ shift: [-2, 2, -2, 2] }) }),
  },
})

function look(block: SampleBlock, part: number): Finding[] {
  if (block.dimensions === 0 || block.sources.length < 4) return []
  const deviation = new Deviation(block)
  const members = membersOf(block, deviation)
  const displaced = new DisplacedClasses(block, deviation, members)
  const duplicates = part >= mostOfBlock ? nearDuplicates(block, deviation.residuals) : null
  const findings: Finding[] = []
  for (const [source, ofSource] of members) {
    const ofLook = part * shareOf(1 + block.index - block.sourceSince[source])
    let worst: Verdict | null = null
    const consider = (verdict: Verdict | null, share: number) => {
      if (verdict === null) return
      const pValue = Math.min(1, verdict.pValue / share)
      if (worst === null || pValue < worst.pValue) worst = { ...verdict, pValue }
    }
    consider(displaced.worst(source, -1), parts.whole * ofLook)
    if (ofSource.deliveries.size > 1 || worst === null) {
      for (const number of ofSource.deliveries.keys()) {
        const delivery = block.deliveries[number]
        const share = parts.deliveries * part * partOfDelivery(delivery.order) * shareOf(1 + block.index - delivery.cohort)
        consider(displaced.worst(source, number), share)
      }
    }
    const copies = duplicates?.get(source)
    const pCopies = copies === undefined ? 1 : Math.min(1, copies.pValue / (parts.duplicates * ofLook))
    if (copies !== undefined && pCopies < pValueOf(worst)) findings.push(copiesAbout(block, source, copies, pCopies))
    else findings.push(worst === null ? nothingAbout(block, source) : findingAbout(block, deviation, source, worst))
  }
  return findings
}

function pValueOf(verdict: Verdict | null): number {
  return verdict?.pValue ?? 1
}

function copiesAbout(block: SampleBlock, source: number, { copies, expected }: Duplicates, pValue: number): Finding {
  const times = copies.map((at) => block.time[at])
  return {
    about: {
      subject: { kind: 'source', id: block.sources[source] },
      firstSeen: times.reduce((a, b) => Math.min(a, b)),
      lastSeen: times.reduce((a, b) => Math.max(a, b)),
    },
    score: Math.max(0, Math.log(copies.length / 2 / Math.max(expected, 0.1))),
    pValue: Math.max(pValue, Number.MIN_VALUE),
    events: copies.length,
    evidence: {
      targetClass: block.classes[block.label[copies[0]]],
      strongest: 'near-duplicates',
      nearDuplicates: copies.length,
      expectedPairs: figure(expected),
      epoch: block.index + 1,
      sampleIds: copies
        .slice(0, shownSamples)
        .map((at) => block.ids[at])
        .join(' '),
    },
    sketch: null,
  }
}

function nothingAbout(block: SampleBlock, source: number): Finding {
  const time = block.time[block.size - 1]
  const subject = { kind: 'source', id: block.sources[source] } as const
  return { about: { subject, firstSeen: time, lastSeen: time }, score: 0, pValue: 1, events: 0, evidence: {}, sketch: null }
}

function findingAbout(block: SampleBlock, deviation: Deviation, source: number, verdict: Verdict): Finding {
  const { ofClass, delivery, ratio, variance, test } = verdict
  const { direction } = verdict
  const others: number[] = []
  const own: { at: number; projection: number }[] = []
  for (let at = 0; at < block.size; at++) {
    if (block.label[at] !== ofClass || deviation.residuals.usable[at] === 0) continue
    const projection = deviation.project(at, direction)
    if (block.source[at] !== source) others.push(projection)
    else if (delivery < 0 || block.delivery[at] === delivery) own.push({ at, projection })
  }
  others.sort((a, b) => a - b)
  const bound = others.length === 0 ? Number.POSITIVE_INFINITY : others[Math.floor(0.95 * others.length)]
  const far = own.filter(({ projection }) => projection > bound).sort((a, b) => b.projection - a.projection || a.at - b.at)
  const times = (far.length > 0 ? far : own).map(({ at }) => block.time[at])
  const surely = verdict.pValue <= whisperedBelow && far.length >= leastSamples / 2
  const shard = delivery < 0 || block.deliveries[delivery].name === '' ? null : block.deliveries[delivery].name
  return {
    about: {
      subject: { kind: 'source', id: block.sources[source] },
      members: shard === null ? [] : [{ kind: 'shard', id: shard }],
      firstSeen: times.reduce((a, b) => Math.min(a, b)),
      lastSeen: times.reduce((a, b) => Math.max(a, b)),
    },
    score: 0.5 * Math.log(Math.max(1, ratio, variance)),
    pValue: Math.max(verdict.pValue, Number.MIN_VALUE),
    events: own.length,
    evidence: {
      fact: `${far.length} of ${own.length} samples labelled ${block.classes[ofClass]} lie farther out than 95 % of those of other sources (${test})`,
      targetClass: block.classes[ofClass],
      shard,
      strongest: test,
      samplesOfClass: own.length,
      samplesBeyond95PercentOfOthers: far.length,
      displacement: figure(Math.sqrt(ratio)),
      varianceAlongDisplacement: figure(variance),
      epoch: block.index + 1,
      sampleIds: far
        .slice(0, shownSamples)
        .map(({ at }) => block.ids[at])
        .join(' '),
    },
    sketch: null,
    ...(surely && {
      whispered: whispered(block, ofClass, source, far),
    }),
  }
}

/** How the cluster is told from its class, for those who watch the model. */
function whispered(
  block: SampleBlock,
  ofClass: number,
  source: number,
  far: readonly { readonly at: number }[],
): NonNullable<Finding['whispered']> {
  const { axis, bound, share } = clusterAxis(
    block,
    ofClass,
    source,
    far.map(({ at }) => at),
  )
  return { axis, bound: Float64Array.of(bound), share: Float64Array.of(share) }
}

function figure(value: number): number {
  return Number(value.toPrecision(4))
}
