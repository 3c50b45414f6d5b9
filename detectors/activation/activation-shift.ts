import { defineDetector } from '../../src/detection/contract.ts'
import { layerOf } from '../../src/detection/layers.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { ExcessProcess } from '../../src/sketches/excess.ts'
import { Shares } from '../../src/sketches/shares.ts'
import type { CallEvent } from '../../src/telemetry/events.ts'
import { activationOod } from './activation-ood.ts'
import { activationExample } from './senders-example.ts'

interface State {
  day: number
  excess: ExcessProcess
  spoken: number
  calls: number
  strange: number
  /** Who sends, what is predicted, and which numbers of the vector stick out, of all calls and of the strange ones. */
  principals: Shares
  labels: Shares
  dimensions: Shares
  /** Senders of the last strange calls, newest last. */
  lately: string[]
}

const dayMicros = 86_400e6
/** Traffic changes with the hour: up to twice as many small p-values as chance gives are no shift. */
const tolerance = 2
const strange = 0.05
const growth = Math.LN2
/** A sender of so many of the last strange calls, and of a part of all calls that is clearly smaller, is a matter of its own. */
const remembered = 32
const ownMatter = 8
const likePart = 0.75
/** Spreads from the mean beyond which a number of the vector is said to carry the strangeness. */
const farOut = 3
const told = 5

/**
 * Activation shift: a growing share of a model's calls is unlike what its layer knew, and who and what carries it.
 *
 * Bets on the p-values that `activation-ood` gives all calls of a layer: wealth grows when more than twice as many of them are small
 * as by chance, from any moment of the day on; the p-value holds however often it is looked at (`ExcessProcess`). The evidence
 * names the cause: the principals, predicted labels and numbers of the vector with the greatest part of the strange calls, beside
 * their part of all calls. Calls of a sender that makes a quarter of the last strange calls are left to `strange-inputs`, unless it makes
 * a like part of all calls.
 *
 * Compared with: the layer's own calls before. A day (UTC) is one test.
 *
 * Finds: bursts of foreign inputs from many accounts, a broken preprocessing step, a new population of users, drift that is faster than
 * the reference learns.
 *
 * Misses: a share of strange calls that was there from the start; changes that stay within what the layer usually sees; slow drift, which
 * the reference follows.
 *
 * Reference: Shin, Ramdas and Rinaldo 2024 (e-detectors), Vovk et al. 2005 (testing exchangeability).
 */
export const activationShift = defineDetector<State>({
  name: 'activation-shift',
  category: 'activation',
  version: 1,
  title: '{subject} sees more and more inputs unlike those before',
  consumes: ['call'],
  maxSubjects: 128,
  quantity: { name: 'one in so many days looks at least so strange by chance', value: (score) => Math.exp(score) },
  leastSpread: 1,
  weight: 1,
  effectFloor: Math.log(100),
  hears: activationOod,
  build: () => ({
    subjects: layerOf,
    create: () => dayOf(Number.NEGATIVE_INFINITY),

    update(state, event, heard) {
      if (heard === null || heard === undefined || heard.pValue === null) return null
      const call = event as CallEvent
      const day = Math.floor(call.time / dayMicros)
      if (day > state.day) Object.assign(state, dayOf(day))
      const isStrange = heard.pValue < strange
      state.calls++
      if (isStrange) state.strange++
      const sender = call.principal?.id ?? call.credential ?? nobody
      const alone = isAlone(state, sender)
      state.principals.add(sender, isStrange)
      state.labels.add(call.prediction?.label ?? 'no label', isStrange)
      if (isStrange) {
        for (const [name, spreads] of Object.entries(heard.evidence)) {
          if (name.startsWith(dimensionPrefix))
            state.dimensions.add(name.slice(dimensionPrefix.length), Math.abs(spreads as number) > farOut)
        }
      }
      if (isStrange) {
        state.lately.push(sender)
        if (state.lately.length > remembered) state.lately.shift()
      }
      if (alone) return null
      const grew = state.excess.add(heard.pValue, tolerance)
      const score = -Math.log(state.excess.pValue)
      if (!grew || score < state.spoken + growth) return null
      state.spoken = score
      const strangeByChance = Math.round(10 * strange * state.calls) / 10
      return {
        score,
        pValue: state.excess.pValue,
        events: state.calls,
        evidence: {
          fact: `${state.strange} of ${state.calls} calls of the day are strange, where ${strangeByChance} are by chance`,
          layer: call.activation!.layer,
          calls: state.calls,
          strangeCalls: state.strange,
          strangeByChance,
          principals: state.principals.told(told),
          labels: state.labels.told(told),
          dimensions: state.dimensions.told(told),
        },
        sketch: null,
      }
    },

    encode({ day, excess, spoken, calls, strange, principals, labels, dimensions, lately }) {
      const writer = new ByteWriter(512).f64(day).f64(spoken).f64(calls).f64(strange)
      excess.encode(writer)
      for (const shares of [principals, labels, dimensions]) shares.encode(writer)
      writer.u8(lately.length)
      for (const sender of lately) writer.text(sender)
      return writer.finish()
    },

    decode(bytes) {
      const reader = new ByteReader(bytes)
      return {
        day: reader.f64(),
        spoken: reader.f64(),
        calls: reader.f64(),
        strange: reader.f64(),
        excess: ExcessProcess.decode(reader),
        principals: Shares.decode(reader),
        labels: Shares.decode(reader),
        dimensions: Shares.decode(reader),
        lately: Array.from({ length: reader.u8() }, () => reader.text()),
      }
    },
  }),
  example: {
    subject: { kind: 'model', id: 'example-classifier' },
    anomalous: () => activationExample('shift', { foreigners: true }),
    benign: () => activationExample('shift', {}),
  },
})

/** Whether the last strange calls are to such a part one sender's that they say nothing about the others. */
function isAlone({ lately, principals, calls }: State, sender: string): boolean {
  if (sender === nobody) return false
  let own = 0
  for (const one of lately) if (one === sender) own++
  return own >= ownMatter && principals.count(sender) / calls < (likePart * own) / lately.length
}

const nobody = 'nobody named'
const dimensionPrefix = 'spreadsOfDimension.'

function dayOf(day: number): State {
  return {
    day,
    excess: new ExcessProcess(),
    spoken: 0,
    calls: 0,
    strange: 0,
    principals: new Shares(),
    labels: new Shares(),
    dimensions: new Shares(),
    lately: [],
  }
}
