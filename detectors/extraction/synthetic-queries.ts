import { defineDetector } from '../../src/detection/contract.ts'
import { NearRepeatsReference } from '../../src/detection/near-repeats-reference.ts'
import { principalsOfModel } from '../../src/detection/principals.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import {
  addDistance,
  type DistanceBins,
  decodeDistanceBins,
  emptyDistanceBins,
  encodeDistanceBins,
  halve,
} from '../../src/sketches/distance-bins.ts'
import { Neighbours } from '../../src/sketches/neighbours.ts'
import { Projection } from '../../src/sketches/projection.ts'
import { createRandom } from '../../src/sketches/random.ts'
import type { CallEvent } from '../../src/telemetry/events.ts'
import { callsOf, ordinaryPeople } from './examples.ts'

interface State {
  calls: number
  /** Calls with an embedding. */
  embedded: number
  memory: Memory | null
}

/** The latest distinct inputs of an account, and how far each new one was from the nearest of those before it. */
interface Memory {
  /** Length of the embeddings. */
  readonly length: number
  readonly recent: Neighbours
  /** Distinct inputs so far. */
  inputs: number
  readonly distances: DistanceBins
  /** Distances in the bins. */
  counted: number
  speakAt: number
}

/** Inputs that are remembered: queries of one search stand close together in time. */
const remembered = 32
/** Numbers of a remembered input: random projections of 32 keep distances to about one part in eight. */
const projectedTo = 32
/** Most accounts call a few times only, and get no memory. */
const firstRemembered = 10
const firstWord = 8
const nextWord = 1.4
/** At least every so many inputs there is a word. */
const longestSilence = 64
/** Counts are halved when there are so many, so that an account that turns is not covered by its past. */
const mostCounted = 256
/**
 * Squared distance, in squared lengths of the input, up to which two inputs are the same. Not told by fingerprints: the steps of a
 * boundary attack are often finer than what a fingerprint tells apart.
 */
const sameInput = 1e-10

/**
 * Synthetic queries: whose inputs are made from each other. Line searches, walks along a decision boundary, estimates of a gradient and
 * rings around a point ask for the same input again with a small change; nobody else does so most of the time.
 *
 * Of every principal the last 32 distinct inputs are kept (embeddings, projected to 32 numbers, from the tenth call on), and the distance of
 * each new input to the nearest of them is counted in bins of a quarter of an octave. The decide stage knows what distance principals of
 * this model usually keep, and counts how many inputs of one principal come nearer than a fifth of it: the score is the logarithm of
 * their share in multiples of 5 %, drawn to zero while there are few. PRADA tests the same distances for normality, one account at a time;
 * honest topical people and programs are not normal either, which is why here the others are the null. *Identical* inputs (health checks,
 * retries, test suites) are not counted at all, which takes for granted that equal inputs have equal embeddings. Counts fade, so that about the last 128 to 256 inputs are judged.
 *
 * Parameters: a fifth lies below most edits and second photographs of the honest and above the steps of searches; most of the honest stay
 * below 5 %. Both were chosen on an image set and a text set together; from a tenth to three tenths the searches stay above all honest.
 * Below a quarter of the inputs (five times 5 %) nothing is said: honest people who edit their prompts come that far. With a floor at 15 %
 * this detector alone named one to three of them in three days.
 *
 * Compared with: the other principals of the model with eight distances or more; at least thirty of them. Memory: 9 KB a principal.
 *
 * Finds: HopSkipJump and other boundary attacks, line searches, perturbation rings, text that is edited word by word, within some 20 to
 * 30 calls of the account.
 *
 * Misses: harvests of natural inputs; augmentation of a large seed set (JbDA), whose parents are more than 32 inputs back; searches
 * interleaved with more than 32 others; telemetry without embeddings and without text. May name: honest software that fills one
 * long template with little, and frames of one camera.
 *
 * Reference: Juuti et al. 2019 (PRADA); Chen et al. 2020 (stateful detection); Kane and Nelson 2014 (projection).
 */
export const syntheticQueries = defineDetector<State>({
  name: 'synthetic-queries',
  category: 'extraction',
  version: 2,
  title: '{subject} asks variations of its own inputs',
  consumes: ['call'],
  maxSubjects: 10_000,
  quantity: { name: 'share of inputs that nearly repeat a recent one, in multiples of 5 %', value: (score) => Math.exp(score) },
  leastSpread: 0.5,
  weight: 1,
  effectFloor: Math.log(5),
  buildReference: () => new NearRepeatsReference(),
  build: (seed) => {
    const project = projector(seed)
    return {
      subjects: principalsOfModel,
      create: () => ({ calls: 0, embedded: 0, memory: null }),

      update(state, event) {
        const call = event as CallEvent
        state.calls++
        if (call.embedding === null || ++state.embedded < firstRemembered) return null
        const vector = project(call.embedding)
        if (vector === null) return null
        // Another embedding model: its distances cannot be compared with the old ones.
        if (state.memory?.length !== call.embedding.length) state.memory = emptyMemory(call.embedding.length, vector.length)
        if (!remember(state.memory, vector)) return null
        const { counted, inputs, distances } = state.memory
        if (counted < firstWord || inputs < state.memory.speakAt) return null
        state.memory.speakAt = Math.min(inputs * nextWord, inputs + longestSilence)
        const writer = new ByteWriter(64)
        encodeDistanceBins(writer, distances)
        // Without the population's usual distance nothing is known.
        return { score: 0, pValue: null, events: state.calls, evidence: { calls: state.calls }, sketch: writer.finish() }
      },

      encode({ calls, embedded, memory }) {
        const writer = new ByteWriter(64).u32(calls).u32(embedded)
        if (memory === null) return writer.finish()
        writer.u32(memory.length).f64(memory.inputs).f64(memory.speakAt).u16(memory.counted)
        encodeDistanceBins(writer, memory.distances)
        memory.recent.encode(writer)
        return writer.finish()
      },

      decode(bytes) {
        const reader = new ByteReader(bytes)
        const calls = reader.u32()
        const embedded = reader.u32()
        if (reader.done) return { calls, embedded, memory: null }
        const length = reader.u32()
        const inputs = reader.f64()
        const speakAt = reader.f64()
        const counted = reader.u16()
        const distances = decodeDistanceBins(reader)
        const recent = Neighbours.decode(reader, remembered, Math.min(length, projectedTo))
        return { calls, embedded, memory: { length, recent, inputs, distances, counted, speakAt } }
      },
    }
  },
  example: {
    subject: { kind: 'principal', id: 'searcher' },
    anomalous: () => {
      const random = createRandom('example/synthetic/searcher')
      const seeds = Array.from({ length: 3 }, () => Float32Array.from({ length: 32 }, () => random.normal()))
      const shape = (index: number) => ({ embedding: seeds[index % seeds.length].map((value) => value + 0.03 * random.normal()) })
      return callsOf([...askingPeople(), { id: 'searcher', from: 50, to: 53, calls: 120, shape }], 'synthetic')
    },
    benign: () => callsOf(askingPeople(), 'synthetic'),
  },
})

/** Embeddings to vectors that are good until the next call; null for what holds numbers that are not finite, or nothing but zeros. */
function projector(seed: string): (embedding: Float32Array) => Float64Array | null {
  let projection: Projection | null = null
  let length = 0
  let input = new Float64Array(0)
  let output = new Float64Array(0)
  return (embedding) => {
    if (projection === null || length !== embedding.length) {
      length = embedding.length
      projection = new Projection({ length, most: projectedTo, seed: `synthetic-queries/${seed}` })
      input = new Float64Array(length)
      output = new Float64Array(projection.size)
    }
    input.set(embedding)
    projection.project(input, output)
    const norm = squaredNorm(output)
    return norm > 0 && norm < Number.POSITIVE_INFINITY ? output : null
  }
}

function emptyMemory(length: number, dimensions: number): Memory {
  return {
    length,
    recent: new Neighbours(remembered, dimensions),
    inputs: 0,
    distances: emptyDistanceBins(),
    counted: 0,
    speakAt: 0,
  }
}

/** False where the input is one of those in memory. */
function remember(memory: Memory, vector: Float64Array): boolean {
  const { recent, distances } = memory
  if (recent.count > 0) {
    recent.query(vector, 1, null, 0)
    if (!(recent.kth > sameInput * squaredNorm(vector))) return false
    addDistance(distances, recent.kth)
    if (++memory.counted >= mostCounted) memory.counted = halve(distances)
  }
  recent.set(memory.inputs++ % remembered, vector)
  return true
}

function squaredNorm(vector: Float64Array): number {
  let sum = 0
  for (let i = 0; i < vector.length; i++) sum += vector[i] * vector[i]
  return sum
}

/** People who ask about topics of their own; one program asks three things all day. */
function askingPeople() {
  const random = createRandom('example/synthetic/people')
  const topics = Array.from({ length: 12 }, () => Float32Array.from({ length: 32 }, () => random.normal()))
  const checks = topics.slice(0, 3)
  return [
    ...ordinaryPeople('synthetic', (person) => (index) => ({
      embedding: topics[(person + (index % 2) * 5) % topics.length].map((value) => value + 0.7 * random.normal()),
    })).map((caller) => ({ ...caller, calls: 3 * caller.calls })),
    {
      id: 'health-check',
      from: 0,
      to: 72,
      calls: 300,
      shape: (index: number) => ({ embedding: checks[index % 3], fingerprint: `000000000000000${index % 3}` }),
    },
  ]
}
