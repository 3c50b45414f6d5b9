import { defineDetector } from '../../src/detection/contract.ts'
import { principalsOfModel } from '../../src/detection/principals.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { HyperLogLog } from '../../src/sketches/hyperloglog.ts'
import { hash32 } from '../../src/sketches/random.ts'
import { RecentSums } from '../../src/sketches/recent.ts'
import type { CallEvent } from '../../src/telemetry/events.ts'
import { callsOf, ordinaryPeople } from './examples.ts'

interface State {
  /** Inputs seen in the principal's life. */
  inputs: HyperLogLog
  /** New inputs by half hour over twelve hours. */
  recent: RecentSums
  calls: number
  spokenScore: number
  spokenTime: number
}

const slotMicros = 1.8e9
const slots = 24
/** Half-hour slots in two hours and twelve. */
const windows = [4, 24] as const
/** A subject speaks when its score grew by a tenth, or again after six hours. */
const growth = Math.log(1.1)
const silenceMicros = 6 * 3.6e9

/**
 * Volume and breadth: who asks far more *different* things than the other principals of the model.
 *
 * A copy of a model needs many different answers, and needs them soon. The detector counts the inputs of a principal that it had never
 * asked before (HyperLogLog over input skeletons, so that one template filled with many values counts once; over fingerprints where
 * there is no skeleton; over calls where there is neither), and sums them over the last two and twelve hours. The score is the
 * mean of ln(1 + count) over both windows: high for those who are fast *and* go on. A person's session is fast for an hour;
 * software that runs day and night asks much in a day but little in an hour; a harvest does both.
 *
 * Compared with: the same number for the other principals of the model. Activity is heavy-tailed, and honest software is
 * busier than the people that a small population mostly shows: scores are taken to scatter by a factor e at least (`leastSpread` 1). Of 0.5 to
 * 1.2 in steps of a tenth or more, 1 was best or among the best whichever of the four developers' sets was left out; 0.9 names one honest program more
 * on images, 1.1 finds two attacks less in the small text set.
 *
 * Finds: single accounts that harvest at tens of new inputs an hour and more, whatever they ask.
 *
 * Misses: harvests that are split over many accounts, or slower than the busiest people; many values in one fixed template; repeated
 * questions about few inputs (see probe-parameters). May name: honest batch software that begins after the reference was learned.
 *
 * Reference: Flajolet et al. 2007 (HyperLogLog), Ting 2014 (running count).
 */
export const volumeAndBreadth = defineDetector<State>({
  name: 'volume-and-breadth',
  category: 'extraction',
  version: 1,
  title: '{subject} asks far more different things than the others',
  consumes: ['call'],
  maxSubjects: 100_000,
  quantity: { name: 'new inputs in two and in twelve hours (geometric mean)', value: (score) => Math.exp(score) - 1 },
  leastSpread: 1,
  weight: 2,
  effectFloor: Math.log(1 + 40),
  build: () => ({
    subjects: principalsOfModel,
    create: () => ({ inputs: new HyperLogLog(), recent: new RecentSums(slotMicros, slots), calls: 0, spokenScore: 0, spokenTime: 0 }),

    update(state, event) {
      const call = event as CallEvent
      state.calls++
      state.recent.add(call.time, state.inputs.add(hash32(call.skeleton ?? call.fingerprint ?? call.spanId)))
      const counts = windows.map((width) => state.recent.sum(width))
      const score = counts.reduce((sum, count) => sum + Math.log1p(count), 0) / windows.length
      const again = call.time - state.spokenTime >= silenceMicros
      if (!again && score < state.spokenScore + growth) return null
      state.spokenScore = score
      state.spokenTime = call.time
      // The count of distinct inputs is an estimate; it cannot exceed the calls.
      const shown = (count: number): number => Math.min(state.calls, Math.round(count))
      return {
        score,
        pValue: null,
        events: state.calls,
        evidence: {
          newInputsIn2Hours: shown(counts[0]),
          newInputsIn12Hours: shown(counts[1]),
          distinctInputs: shown(state.inputs.count),
          calls: state.calls,
        },
        sketch: null,
      }
    },

    encode(state) {
      const writer = new ByteWriter(128).f64(state.calls).f64(state.spokenScore).f64(state.spokenTime)
      state.inputs.encode(writer)
      state.recent.encode(writer)
      return writer.finish()
    },

    decode(bytes) {
      const reader = new ByteReader(bytes)
      const calls = reader.f64()
      const spokenScore = reader.f64()
      const spokenTime = reader.f64()
      return {
        calls,
        spokenScore,
        spokenTime,
        inputs: HyperLogLog.decode(reader),
        recent: RecentSums.decode(reader, slotMicros, slots),
      }
    },
  }),
  example: {
    subject: { kind: 'principal', id: 'harvester' },
    anomalous: () => callsOf([...ordinaryPeople('volume'), { id: 'harvester', from: 50, to: 60, calls: 700 }], 'volume'),
    benign: () => callsOf(ordinaryPeople('volume'), 'volume'),
  },
})
