import { defineDetector } from '../../src/detection/contract.ts'
import { PaceOfSubject } from '../../src/detection/pace.ts'
import { PaceReference, paceFloor } from '../../src/detection/pace-reference.ts'
import { principalsOfModel } from '../../src/detection/principals.ts'
import { BinaryCodes } from '../../src/sketches/binary-code.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { HyperLogLog } from '../../src/sketches/hyperloglog.ts'
import { hash32 } from '../../src/sketches/random.ts'
import type { CallEvent } from '../../src/telemetry/events.ts'
import { callsOf, ordinaryPeople } from './examples.ts'

interface State {
  calls: number
  /** Inputs seen in the principal's life. */
  inputs: HyperLogLog
  /** Parts of the input space that it visited, and the length of the embeddings that they were told by; 0 before the first. */
  parts: HyperLogLog
  length: number
  pace: PaceOfSubject
}

/** Inputs and parts of the input space. */
const things = 2
/** Unrelated texts are about sqrt(2) apart on the unit sphere, paraphrases about half of that; as in query-shift. */
const bandwidth = 1

/**
 * Volume and breadth: who asks far more *different* things than the other principals of the model, or covers its input space faster.
 *
 * A copy of a model needs many different answers, from all over the input space, and needs them soon. People ask about few things each, software
 * does one task, and both come back to where they have been; a harvest does not. Two counts of what is new to the principal:
 * - inputs (HyperLogLog over input skeletons, so that one template filled with many values counts once; over fingerprints where
 *   there is no skeleton; over calls where there is neither);
 * - parts of the input space: it is cut into 65,536 cells by a locality-sensitive code of 16 bits of the embedding (`BinaryCode`), and a
 *   call counts when it visits a cell where its principal never was. A template filled with passages counts here.
 *
 * Both decay on four time scales (1, 4, 16 and 64 hours: a burst, a session, a day, days on end), and the decide stage compares each with the highest
 * that the other principals ever reached there: the score is the largest number of standard deviations of ln(1 + count). Declared
 * software is compared with other software (`PaceReference`). A subject speaks when a count grew by a tenth, so looks are spaced geometrically.
 *
 * Parameters: the bandwidth is that of query-shift; 10 or 14 bits and random hyperplanes found attacks no sooner on any of the developers'
 * sets. The scales are a geometric series; twice as many, or sharp windows of 1, 4 and 24 hours, were no better on any of them. Scores
 * are standard deviations already, so `leastSpread` is 1.
 *
 * Compared with: the other principals of the model; at least thirty of them and a day. Memory: 700 bytes a principal, 180 with few calls.
 *
 * Finds: single accounts that harvest at some tens of new inputs an hour or some hundreds a day, whatever they ask, also without embeddings.
 *
 * Misses: harvests that are split over many accounts, or slower than the busiest people; many values in one fixed template that lie close
 * together; repeated questions about few inputs (see probe-parameters). May name: honest batch software that nobody declared as such.
 *
 * Reference: Flajolet et al. 2007 (HyperLogLog), Ting 2014 (running count); Raginsky and Lazebnik 2009 (binary codes).
 */
export const volumeAndBreadth = defineDetector<State>({
  name: 'volume-and-breadth',
  category: 'extraction',
  version: 2,
  title: '{subject} asks far more different things than the others',
  consumes: ['call'],
  maxSubjects: 100_000,
  quantity: { name: 'pace of new inputs or new parts of the input space, in standard deviations of the others', value: (score) => score },
  leastSpread: 1,
  weight: 6,
  effectFloor: paceFloor,
  buildReference: () => new PaceReference(),
  build: (seed) => {
    const codes = new BinaryCodes(bandwidth, seed)
    const amounts = new Float64Array(things)
    return {
      subjects: principalsOfModel,
      create: () => ({ calls: 0, inputs: new HyperLogLog(), parts: new HyperLogLog(), length: 0, pace: new PaceOfSubject(things) }),

      update(state, event) {
        const call = event as CallEvent
        state.calls++
        amounts[0] = state.inputs.add(hash32(call.skeleton ?? call.fingerprint ?? call.spanId))
        amounts[1] = newParts(state, call.embedding)
        const sketch = state.pace.add(call, amounts)
        if (sketch === null) return null
        // Counts of distinct things are estimates; they cannot exceed the calls.
        const shown = (count: number): number => Math.min(state.calls, Math.round(count))
        return {
          // Without the population's usual pace nothing is known.
          score: 0,
          pValue: null,
          events: state.calls,
          evidence: { distinctInputs: shown(state.inputs.count), partsVisited: shown(state.parts.count), calls: state.calls },
          sketch,
        }
      },

      encode({ calls, length, inputs, parts, pace }) {
        const writer = new ByteWriter(256).u32(calls).u32(length)
        inputs.encode(writer)
        parts.encode(writer)
        pace.encode(writer)
        return writer.finish()
      },

      decode(bytes) {
        const reader = new ByteReader(bytes)
        const calls = reader.u32()
        const length = reader.u32()
        const inputs = HyperLogLog.decode(reader)
        const parts = HyperLogLog.decode(reader)
        return { calls, length, inputs, parts, pace: PaceOfSubject.decode(reader, things) }
      },
    }

    function newParts(state: State, embedding: Float32Array | null): number {
      if (embedding === null) return 0
      if (state.length !== embedding.length) {
        // Another embedding model has other parts.
        state.length = embedding.length
        state.parts = new HyperLogLog()
      }
      const hash = codes.hashOf(embedding)
      return hash === null ? 0 : state.parts.add(hash)
    }
  },
  example: {
    subject: { kind: 'principal', id: 'harvester' },
    anomalous: () => callsOf([...ordinaryPeople('volume'), { id: 'harvester', from: 50, to: 60, calls: 700 }], 'volume'),
    benign: () => callsOf(ordinaryPeople('volume'), 'volume'),
  },
})
