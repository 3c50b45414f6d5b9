import { defineDetector } from '../../src/detection/contract.ts'
import { principalsOfModel } from '../../src/detection/principals.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { HyperLogLog } from '../../src/sketches/hyperloglog.ts'
import { hash32 } from '../../src/sketches/random.ts'
import type { CallEvent } from '../../src/telemetry/events.ts'
import { callsOf, ordinaryPeople } from './examples.ts'

interface State {
  calls: number
  probes: number
  /** Inputs that probes were about. */
  probed: HyperLogLog
  spokenScore: number
}

/** A subject speaks when its score grew by this much. */
const growth = 0.1
/** Fewer probes than this say nothing. */
const minimumProbes = 8

/**
 * Probing parameters: who asks the model's output layer about the same inputs again and again.
 *
 * The last layer of a language model can be computed from its log-probabilities under varied logit biases; that takes very many
 * one-token calls on few prompts. A *probe* is a call with at least two of: log-probabilities asked for, a logit bias set, at most two
 * tokens of output. The score is the logarithm of probes per distinct input, once there are eight probes. Legitimate software sets the
 * same parameters: a moderation filter asks for one token, its log-probability and a bias on yes and no. But it asks once about each
 * input, and its score stays near zero, whatever its volume.
 *
 * Compared with: the principals of the model, most of whom never probe; how far benign repetition goes is known beforehand (retries,
 * test suites) rather than learned from the few who do.
 *
 * Finds: stealing of the output projection, softmax or bias scans, membership probing with log-probabilities on fixed texts.
 *
 * Misses: probes that never repeat an input (volume-and-breadth counts those), services whose telemetry carries no fingerprint or text,
 * and calls whose parameters no instrumentation reports.
 *
 * Reference: Carlini et al. 2024, Stealing Part of a Production Language Model; Finlayson et al. 2024.
 */
export const probeParameters = defineDetector<State>({
  name: 'probe-parameters',
  category: 'extraction',
  version: 2,
  title: '{subject} probes the output layer with log-probabilities and logit biases',
  consumes: ['call'],
  maxSubjects: 100_000,
  quantity: { name: 'probing calls for each distinct input', value: (score) => Math.exp(score) },
  leastSpread: 0.6,
  weight: 1,
  effectFloor: Math.log(3),
  build: () => ({
    subjects: principalsOfModel,
    create: () => ({ calls: 0, probes: 0, probed: new HyperLogLog(), spokenScore: Number.NEGATIVE_INFINITY }),

    update(state, event) {
      const call = event as CallEvent
      state.calls++
      if (!isProbe(call)) {
        // Everybody is part of the population, those who never probe too.
        if (state.calls !== 1) return null
        state.spokenScore = 0
        return finding(state, 0)
      }
      state.probes++
      state.probed.add(hash32(call.fingerprint ?? call.spanId))
      if (state.probes < minimumProbes) {
        if (state.calls !== 1) return null
        state.spokenScore = 0
        return finding(state, 0)
      }
      const score = Math.max(0, Math.log(state.probes / Math.max(1, state.probed.count)))
      if (score < state.spokenScore + growth) return null
      state.spokenScore = score
      return finding(state, score)
    },

    encode(state) {
      const writer = new ByteWriter(64).u32(state.calls).u32(state.probes).f64(state.spokenScore)
      state.probed.encode(writer)
      return writer.finish()
    },

    decode(bytes) {
      const reader = new ByteReader(bytes)
      const calls = reader.u32()
      const probes = reader.u32()
      const spokenScore = reader.f64()
      return { calls, probes, spokenScore, probed: HyperLogLog.decode(reader) }
    },
  }),
  example: {
    subject: { kind: 'principal', id: 'prober' },
    anomalous: () =>
      callsOf(
        [
          ...ordinaryPeople('probe'),
          { id: 'filter', from: 0, to: 72, calls: 400, shape: () => ({ request: probing(2) }) },
          {
            id: 'prober',
            from: 50,
            to: 54,
            calls: 300,
            shape: (index) => ({ request: probing(5), fingerprint: `00000000000000${10 + (index % 12)}` }),
          },
        ],
        'probe',
      ),
    benign: () =>
      callsOf([...ordinaryPeople('probe'), { id: 'filter', from: 0, to: 72, calls: 400, shape: () => ({ request: probing(2) }) }], 'probe'),
  },
})

/** At least two of: log-probabilities asked for, a logit bias set, at most two tokens of output. */
function isProbe({ request }: CallEvent): boolean {
  const logprobs = request.logprobs === true || (request.topLogprobs ?? 0) > 0 ? 1 : 0
  const bias = (request.logitBiasCount ?? 0) > 0 ? 1 : 0
  const short = request.maxTokens !== null && request.maxTokens <= 2 ? 1 : 0
  return logprobs + bias + short >= 2
}

function finding(state: State, score: number) {
  const inputs = Math.round(state.probed.count)
  return {
    score,
    pValue: null,
    events: state.calls,
    evidence: {
      fact: `${state.probes} of ${state.calls} calls ask for log-probabilities, logit biases or a token or two, at least two of these at once, over ${inputs} distinct inputs`,
      probingCalls: state.probes,
      inputsProbed: inputs,
      shareOfCallsThatProbe: Math.round((1000 * state.probes) / state.calls) / 1000,
      calls: state.calls,
    },
    sketch: null,
  }
}

function probing(biases: number): CallEvent['request'] {
  return { maxTokens: 1, temperature: 0, topP: null, logprobs: true, topLogprobs: 5, logitBiasCount: biases }
}
