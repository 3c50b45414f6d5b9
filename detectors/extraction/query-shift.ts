import { defineDetector } from '../../src/detection/contract.ts'
import { MeanShiftReference } from '../../src/detection/mean-shift-reference.ts'
import { principalsOfModel } from '../../src/detection/principals.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { HyperLogLog } from '../../src/sketches/hyperloglog.ts'
import { decodeMeanSketch, emptyMeanSketch, encodeMeanSketch, type MeanSketch, selfSimilarity } from '../../src/sketches/mean-embedding.ts'
import { createRandom, hash32 } from '../../src/sketches/random.ts'
import { RandomFeatures } from '../../src/sketches/random-features.ts'
import type { CallEvent } from '../../src/telemetry/events.ts'
import { callsOf, ordinaryPeople } from './examples.ts'

interface State {
  calls: number
  /** Calls with an embedding. */
  embedded: number
  /** Inputs in the sum, for weighing each distinct input once. */
  inputs: HyperLogLog
  sketch: MeanSketch | null
  speakAt: number
}

const features = 128
/** Unrelated texts are about sqrt(2) apart on the unit sphere, paraphrases about half of that. */
const bandwidth = 1
/** Most accounts call a few times only, and get no sketch. */
const firstSketched = 10
const firstWord = 8
const nextWord = 1.4

/**
 * Query shift: whose inputs, taken together, come from another distribution than those of the other principals.
 *
 * Each distinct input becomes 128 random Fourier features of a Gaussian kernel; a principal's state is their sum, so that sketches of
 * accounts, partitions and days add up. (Inputs are weighed by what they add to a HyperLogLog count of them: a health check that asks
 * one thing a thousand times is one input.) The decide stage compares the mean with those of the other principals: how far away it lies
 * in units of how principals differ among themselves, against what is usual for so many inputs that are so similar to each other. The
 * unit of the null is the principal, not the call: honest people and programs ask about few topics, and lie far from the pooled traffic
 * themselves; to be far away *and* wide is what they are not.
 *
 * Compared with: the other principals of the model with eight distinct inputs or more from their tenth call on; at least thirty of them.
 *
 * Finds: principals with one foreign, narrow or artificial distribution of inputs (noise, out-of-domain corpora, one task nobody else has).
 *
 * Misses: harvests of the model's own domain and wide instruction sets, which are closer to the average than any one person is; less
 * than about twenty calls; telemetry without embeddings and without text. May name: honest software with a single unusual task.
 *
 * Reference: Gretton et al. 2012 (MMD), Rahimi and Recht 2007, Yu et al. 2016 (structured features).
 */
export const queryShift = defineDetector<State>({
  name: 'query-shift',
  category: 'extraction',
  version: 2,
  title: '{subject} asks from another distribution than the others',
  consumes: ['call'],
  maxSubjects: 20_000,
  quantity: {
    name: 'distance of the mean embedding, in multiples of what is usual for so many and so similar inputs',
    value: (score) => Math.exp(score),
  },
  leastSpread: 0.2,
  weight: 1,
  effectFloor: Math.log(1.5),
  buildReference: () => new MeanShiftReference(),
  build: (seed) => {
    const projection = new RandomFeatures({ size: features, bandwidth, seed })
    return {
      subjects: principalsOfModel,
      create: () => ({ calls: 0, embedded: 0, inputs: new HyperLogLog(), sketch: null, speakAt: firstWord }),

      update(state, event) {
        const call = event as CallEvent
        state.calls++
        if (call.embedding === null || ++state.embedded < firstSketched) return null
        if (state.sketch === null || call.embedding.length !== state.sketch.dimensions) {
          // Another embedding model: its sums cannot be compared with the old ones.
          state.inputs = new HyperLogLog()
          state.sketch = emptyMeanSketch(call.embedding.length, features)
          state.speakAt = firstWord
        }
        const sketch = state.sketch
        const weight = state.inputs.add(hash32(call.fingerprint ?? call.spanId))
        if (weight === 0 || !projection.addTo(sketch.sum, call.embedding, weight)) return null
        sketch.weight += weight
        sketch.squaredWeight += weight * weight
        if (sketch.weight < state.speakAt) return null
        state.speakAt = sketch.weight * nextWord
        return {
          score: 0.5 * Math.log(selfSimilarity(sketch)),
          pValue: null,
          events: state.calls,
          evidence: { distinctInputs: Math.min(state.calls, Math.round(sketch.weight)), calls: state.calls },
          sketch: encodeMeanSketch(sketch),
        }
      },

      encode(state) {
        const writer = new ByteWriter(64).u32(state.calls).u32(state.embedded)
        if (state.sketch === null) return writer.finish()
        writer.f64(state.speakAt).block(encodeMeanSketch(state.sketch))
        state.inputs.encode(writer)
        return writer.finish()
      },

      decode(bytes) {
        const reader = new ByteReader(bytes)
        const calls = reader.u32()
        const embedded = reader.u32()
        if (reader.done) return { calls, embedded, speakAt: firstWord, inputs: new HyperLogLog(), sketch: null }
        const speakAt = reader.f64()
        const sketch = decodeMeanSketch(reader.block())
        return { calls, embedded, speakAt, sketch, inputs: HyperLogLog.decode(reader) }
      },
    }
  },
  example: {
    subject: { kind: 'principal', id: 'stranger' },
    anomalous: () => {
      const random = createRandom('example/shift/stranger')
      const stranger = { id: 'stranger', from: 50, to: 58, calls: 120, shape: () => ({ embedding: near(foreign, random) }) }
      return callsOf([...topicalPeople(), stranger], 'shift')
    },
    benign: () => callsOf(topicalPeople(), 'shift'),
  },
})

const foreign = Float32Array.from({ length: 32 }, (_, i) => (i >= 24 ? 1 : 0))

/** People with two topics each out of twelve, in a subspace that leaves the last dimensions free. */
function topicalPeople() {
  const random = createRandom('example/shift/topics')
  const topics = Array.from({ length: 12 }, () => Float32Array.from({ length: 32 }, (_, i) => (i < 24 ? random.normal() : 0)))
  const people = ordinaryPeople('shift', (person) => (index) => ({
    embedding: near(topics[(person + (index % 2) * 5) % topics.length], random),
  }))
  return people.map((caller) => ({ ...caller, calls: 3 * caller.calls }))
}

function near(centre: Float32Array, random: { normal(): number }): Float32Array {
  return centre.map((value) => value + 0.7 * random.normal())
}
