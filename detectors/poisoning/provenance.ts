import { type DetectorDefinition, defineDetector, type Finding } from '../../src/detection/contract.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { negativeBinomialTail } from '../../src/sketches/count-tails.ts'
import { hash32 } from '../../src/sketches/random.ts'
import type { Subject, TrainingSampleEvent } from '../../src/telemetry/events.ts'
import { ordinarySources, samplesOf } from './examples.ts'
import { runOf, shareOf } from './sample-block.ts'

/** Chance that an honest shard changes under its name, where no other shard of the run does. */
const rareChange = 1e-4
/** A run in which this share of the other shards changed (and at least three) changes its shards on purpose. */
const mutableShare = 0.1
const leastMutable = 3
/** Prior of the rate of relabelled samples: one in ten thousand, known as well as from 5,000 repeated samples. */
const priorShape = 0.5
const priorRepeats = 5000
/** A source speaks of relabelled samples when there are three, and then at doubled numbers. */
const firstRelabelled = 3
/** A source that comes after so many samples for each source before it comes late. */
const lateAfter = 32
const shownSamples = 12
/** Bounds on memory. */
const mostSamples = 65_536
const mostShards = 8192
const mostSources = 4096

interface Shard {
  readonly source: string
  digest: string
  changes: number
  /** Its digest is not in the bill of materials. */
  isUnlisted: boolean
}

interface Source {
  repeated: number
  relabelled: number
  speakAt: number
  looks: number
  firstSeen: number
  relabelledIds: string[]
}

interface State {
  events: number
  late: number
  readonly shards: Map<string, Shard>
  readonly sources: Map<string, Source>
  /** Label of each sample, as hashes of both. */
  readonly labels: Map<number, number>
}

/**
 * Provenance: what a training run was told about its data and is now told otherwise.
 *
 * Three records that should not change: the digest of a shard under its name, the label of a sample under its id, and who takes part.
 * (1) A shard whose digest changes is named at once, with its source; honest shards do so once in ten thousand, unless a tenth of the
 * others did too (then the run changes its shards on purpose, and the share of those that did is the p-value). Where the configuration lists the
 * digests that training may see (`poisoning.billOfMaterials`), a shard with another digest is named at its first sample, at the same rate
 * and with the same exception, and a change to a listed digest was announced. (2) The number of samples
 * of a source that came back with another label is compared with the other sources' rate: negative binomial, with a prior of one in ten thousand, at doubling
 * numbers of such samples, between which the error probability is shared out. (3) A source that appears in mid-run is one of the few
 * that did: its p-value is its share of all sources, never enough for an alert by itself, but it adds to what others find.
 *
 * Compared with: the other shards and sources of the run.
 *
 * Finds: substituted shards, shards that nobody listed, relabelled samples; adds weight to late sources.
 *
 * Misses: data that was bad from the first epoch on, where there is no bill of materials or it lists them; runs whose telemetry has neither digests nor sample ids; shards that are renamed when
 * they change.
 *
 * Reference: SLSA and CycloneDX ML-BOM (digests of data sets as provenance), Carlini et al. 2024 (web-scale data that changes after it was listed).
 */
export const provenance = defineDetector<State>(provenanceAgainst(null))

/** The detector that knows which digests training may see: `materials`, as `digestName` writes them; null where nobody says. */
export function provenanceAgainst(materials: ReadonlySet<string> | null): DetectorDefinition<State> {
  return {
    name: 'provenance',
    category: 'poisoning',
    version: 2,
    title: '{subject} is not what the run was told before',
    consumes: ['trainingSample'],
    maxSubjects: 64,
    quantity: { name: 'surprise in nats', value: (score) => score },
    leastSpread: 0.5,
    weight: 1,
    effectFloor: 3,
    build: () => ({
      subjects: runOf,
      create: () => ({ events: 0, late: 0, shards: new Map(), sources: new Map(), labels: new Map() }),

      update(state, event) {
        const sample = event as TrainingSampleEvent
        if (sample.source === null) return null
        state.events++
        const findings = [
          sourceSeen(state, sample, sample.source),
          shardSeen(state, sample, sample.source, materials),
          labelSeen(state, sample, sample.source),
        ]
        const spoken = findings.filter((finding) => finding !== null)
        return spoken.length === 0 ? null : { ...spoken[0], also: spoken.slice(1) }
      },

      encode({ events, late, shards, sources, labels }) {
        const writer = new ByteWriter(1024).f64(events).f64(late).u32(shards.size)
        for (const [name, { source, digest, changes, isUnlisted }] of shards) {
          writer
            .text(name)
            .text(source)
            .text(digest)
            .u32(changes)
            .u8(isUnlisted ? 1 : 0)
        }
        writer.u32(sources.size)
        for (const [name, source] of sources) {
          writer.text(name).f64(source.repeated).f64(source.relabelled).f64(source.speakAt).u32(source.looks).f64(source.firstSeen)
          writer.u16(source.relabelledIds.length)
          for (const id of source.relabelledIds) writer.text(id)
        }
        writer.u32(labels.size)
        for (const [sample, label] of labels) writer.u32(sample).u32(label)
        return writer.finish()
      },

      decode(bytes) {
        const reader = new ByteReader(bytes)
        const state: State = { events: reader.f64(), late: reader.f64(), shards: new Map(), sources: new Map(), labels: new Map() }
        for (let left = reader.u32(); left > 0; left--) {
          state.shards.set(reader.text(), {
            source: reader.text(),
            digest: reader.text(),
            changes: reader.u32(),
            isUnlisted: reader.u8() === 1,
          })
        }
        for (let left = reader.u32(); left > 0; left--) {
          const name = reader.text()
          const source: Source = {
            repeated: reader.f64(),
            relabelled: reader.f64(),
            speakAt: reader.f64(),
            looks: reader.u32(),
            firstSeen: reader.f64(),
            relabelledIds: [],
          }
          for (let ids = reader.u16(); ids > 0; ids--) source.relabelledIds.push(reader.text())
          state.sources.set(name, source)
        }
        for (let left = reader.u32(); left > 0; left--) state.labels.set(reader.u32(), reader.u32())
        return state
      },
    }),
    example: {
      subject: { kind: 'shard', id: 'shard-3-a' },
      anomalous: () =>
        samplesOf(ordinarySources(), {
          'source-3': (sample) => (sample.epoch === 3 && sample.shard.endsWith('a') ? { digest: 'sha256:other' } : {}),
        }),
      benign: () => samplesOf(ordinarySources(), {}),
    },
  }
}

/** Digests are compared in lower case and without the name of SHA-256. */
export function digestName(digest: string): string {
  return digest
    .trim()
    .toLowerCase()
    .replace(/^sha-?256:/, '')
}

function sourceSeen(state: State, { time }: TrainingSampleEvent, name: string): Finding | null {
  if (state.sources.has(name) || state.sources.size >= mostSources) return null
  const before = state.sources.size
  state.sources.set(name, { repeated: 0, relabelled: 0, speakAt: firstRelabelled, looks: 0, firstSeen: 0, relabelledIds: [] })
  if (before === 0 || state.events <= lateAfter * before) return null
  const pValue = (1 + state.late++) / (1 + before)
  return finding({ kind: 'source', id: name }, [], Math.min(1, pValue), 1, time, time, {
    fact: 'the source appears in mid-run',
    sourcesBefore: before,
    samplesBefore: state.events - 1,
  })
}

function shardSeen(
  state: State,
  { time, shard: name, shardDigest: digest }: TrainingSampleEvent,
  source: string,
  materials: ReadonlySet<string> | null,
): Finding | null {
  if (name === null || digest === null) return null
  const key = `${source}\u0000${name}`
  let shard = state.shards.get(key)
  if (shard?.digest === digest) return null
  const isUnlisted = materials !== null && !materials.has(digestName(digest))
  const before = shard?.digest ?? null
  if (shard === undefined) {
    if (state.shards.size >= mostShards) return null
    shard = { source, digest, changes: 0, isUnlisted }
    state.shards.set(key, shard)
    if (!isUnlisted) return null
  } else {
    shard.digest = digest
    shard.changes++
    shard.isUnlisted = isUnlisted
    if (materials !== null && !isUnlisted) return null
  }
  const others = Math.max(1, state.shards.size - 1)
  let alike = 0
  for (const other of state.shards.values()) if (other !== shard && (isUnlisted ? other.isUnlisted : other.changes > 0)) alike++
  const isUsual = alike >= leastMutable && alike >= mutableShare * others
  const pValue = isUsual ? (1 + alike) / (1 + others) : rareChange / Math.sqrt(Math.max(1, shard.changes))
  const members: Subject[] = [{ kind: 'source', id: source }]
  return finding({ kind: 'shard', id: name }, members, Math.min(1, pValue), 1, time, time, {
    fact: isUnlisted ? 'the digest of the shard is not in the bill of materials' : 'the digest of the shard changed under its name',
    digestBefore: before,
    digestNow: digest,
    source,
    otherShards: state.shards.size - 1,
    [isUnlisted ? 'otherShardsNotListed' : 'otherShardsThatChanged']: alike,
  })
}

function labelSeen(state: State, { time, sample, label }: TrainingSampleEvent, name: string): Finding | null {
  if (sample === null || sample === '' || label === null) return null
  const source = state.sources.get(name)
  if (source === undefined) return null
  const key = hash32(sample, hash32(name))
  const value = hash32(label)
  const before = state.labels.get(key)
  if (before === undefined) {
    if (state.labels.size < mostSamples) state.labels.set(key, value)
    return null
  }
  source.repeated++
  if (before === value) return null
  state.labels.set(key, value)
  source.relabelled++
  if (source.relabelled === 1) source.firstSeen = time
  if (source.relabelledIds.length < shownSamples) source.relabelledIds.push(sample)
  if (source.relabelled < source.speakAt) return null
  source.speakAt *= 2
  let repeated = 0
  let relabelled = 0
  for (const other of state.sources.values()) {
    if (other === source) continue
    repeated += other.repeated
    relabelled += other.relabelled
  }
  const shape = relabelled + priorShape
  const expected = (source.repeated * shape) / (repeated + priorRepeats)
  const pValue = Math.min(1, negativeBinomialTail(source.relabelled, shape, expected) / shareOf(++source.looks))
  return finding({ kind: 'source', id: name }, [], pValue, source.relabelled, source.firstSeen, time, {
    fact: 'samples came back with another label',
    relabelledSamples: source.relabelled,
    repeatedSamples: source.repeated,
    expectedRelabelled: Number(expected.toPrecision(3)),
    sampleIds: source.relabelledIds.join(' '),
  })
}

function finding(
  subject: Subject,
  members: readonly Subject[],
  p: number,
  events: number,
  firstSeen: number,
  lastSeen: number,
  evidence: Finding['evidence'],
): Finding {
  const pValue = Math.max(p, Number.MIN_VALUE)
  return { about: { subject, members, firstSeen, lastSeen }, score: -Math.log(pValue), pValue, events, evidence, sketch: null }
}
