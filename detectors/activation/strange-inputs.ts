import { defineDetector } from '../../src/detection/contract.ts'
import { layerOf } from '../../src/detection/layers.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { ExcessProcess } from '../../src/sketches/excess.ts'
import { type DriftSum, emptyDriftSum, MeanDrift } from '../../src/sketches/mean-drift.ts'
import type { CallEvent, Subject } from '../../src/telemetry/events.ts'
import { activationOod } from './activation-ood.ts'
import { activationExample } from './senders-example.ts'

interface Sender {
  readonly excess: ExcessProcess
  readonly drift: DriftSum
  strange: number
  /** p-value of the last look at the direction. */
  together: number
  spoken: number
  firstSeen: number
  lastSeen: number
}

interface State {
  dimensions: number
  calls: number
  drift: MeanDrift
  /** Silent longest first. */
  readonly senders: Map<string, Sender>
}

/** Bound on memory: about 600 bytes a sender. */
const mostSenders = 2048
/** People's inputs differ: up to a quarter more small p-values than chance gives are nobody's fault. */
const tolerance = 1.25
const strange = 0.05
const refreshEvery = 256
/** A sender speaks when its p-value halved. */
const growth = Math.LN2

/**
 * Strange inputs: who keeps sending inputs that a layer of the model finds unusual, one by one or all in one direction.
 *
 * Two tests a sender, each valid however often it is looked at; the smaller p-value counts twice. First, betting on the p-values that
 * `activation-ood` gives the sender's calls: wealth grows when more of them are small than chance (and a quarter) allows, from any
 * moment on (`ExcessProcess`). Second, the mean of the sender's activations, each relative to its predicted class and whitened: honest
 * inputs scatter around their class and cancel, while those of one trigger or one perturbation point the same way, even where no
 * single one is unusual. How much senders of this layer differ by nature is measured and allowed for (`MeanDrift`).
 *
 * Compared with: what chance allows; for the direction, the other senders with sixteen calls or more, at least ten.
 *
 * Finds: accounts that trigger a backdoor, send adversarial examples or foreign inputs among ordinary ones.
 *
 * Misses: a few strange calls a sender (spread over many accounts they are `activation-shift`'s); weak adversarial examples that scatter
 * in all directions. May name: honest people with a camera, a language or a subject of their own.
 *
 * Reference: Shafer 2021 (betting), Shin, Ramdas and Rinaldo 2024 (e-detectors), Efron 2004 (empirical null).
 */
export const strangeInputs = defineDetector<State>({
  name: 'strange-inputs',
  category: 'activation',
  version: 1,
  title: '{subject} keeps sending inputs that the model finds strange',
  consumes: ['call'],
  maxSubjects: 128,
  quantity: { name: 'one in so many senders looks at least so strange by chance', value: (score) => Math.exp(score) },
  leastSpread: 1,
  weight: 1,
  effectFloor: Math.log(100),
  hears: activationOod,
  build: () => ({
    subjects: (event) => (senderOf(event as CallEvent) === null ? [] : layerOf(event)),
    create: () => ({ dimensions: 0, calls: 0, drift: new MeanDrift(0), senders: new Map() }),

    update(state, event, heard) {
      if (heard === null || heard === undefined || heard.pValue === null || heard.whispered === undefined) return null
      const residual = heard.whispered
      if (residual.length !== state.dimensions) {
        state.dimensions = residual.length
        state.drift = new MeanDrift(residual.length)
        state.senders.clear()
      }
      const call = event as CallEvent
      const subject = senderOf(call)!
      const sender = enter(state, subject, call.time)
      sender.excess.add(heard.pValue)
      if (heard.pValue < strange) sender.strange++
      state.drift.add(sender.drift, residual)
      if (++state.calls % refreshEvery === 0) state.drift.refresh(drifts(state.senders))
      sender.together = state.drift.look(sender.drift) ?? sender.together
      const pValue = Math.min(1, 2 * Math.min(sender.excess.pValue, sender.together))
      const score = -Math.log(Math.max(pValue, 1e-200))
      if (score < sender.spoken + growth) return null
      sender.spoken = score
      return {
        about: { subject, firstSeen: sender.firstSeen, lastSeen: sender.lastSeen },
        score,
        pValue: Math.max(pValue, 1e-200),
        events: sender.drift.count,
        evidence: {
          calls: sender.drift.count,
          strangeCalls: sender.strange,
          strangeByChance: Math.round(10 * strange * sender.drift.count) / 10,
          pValueOfExcess: Number(sender.excess.pValue.toPrecision(3)),
          pValueOfCommonDirection: Number(sender.together.toPrecision(3)),
          label: call.prediction?.label ?? null,
          layer: call.activation!.layer,
        },
        sketch: null,
      }
    },

    encode({ dimensions, calls, drift, senders }) {
      const writer = new ByteWriter(64).u32(dimensions).f64(calls)
      drift.encode(writer)
      writer.u32(senders.size)
      for (const [key, sender] of senders) {
        writer.text(key)
        sender.excess.encode(writer)
        writer.f64(sender.drift.count).f64(sender.drift.looks).f64(sender.drift.nextLook).f32s(sender.drift.sum)
        writer.f64(sender.strange).f64(sender.together).f64(sender.spoken).f64(sender.firstSeen).f64(sender.lastSeen)
      }
      return writer.finish()
    },

    decode(bytes) {
      const reader = new ByteReader(bytes)
      const dimensions = reader.u32()
      const state: State = { dimensions, calls: reader.f64(), drift: MeanDrift.decode(reader, dimensions), senders: new Map() }
      for (let left = reader.u32(); left > 0; left--) {
        const key = reader.text()
        state.senders.set(key, {
          excess: ExcessProcess.decode(reader, tolerance),
          drift: { count: reader.f64(), looks: reader.f64(), nextLook: reader.f64(), sum: reader.f32s(dimensions) },
          strange: reader.f64(),
          together: reader.f64(),
          spoken: reader.f64(),
          firstSeen: reader.f64(),
          lastSeen: reader.f64(),
        })
      }
      return state
    },
  }),
  example: {
    subject: { kind: 'principal', id: 'trickster' },
    anomalous: () => activationExample('strange', { trickster: true }),
    benign: () => activationExample('strange', {}),
  },
})

/** Whoever the call is from, the claimed principal before the credential. */
function senderOf({ principal, credential }: CallEvent): Subject | null {
  if (principal !== null) return { kind: 'principal', id: principal.id }
  return credential === null ? null : { kind: 'credential', id: credential }
}

/** The sender's record, most recent last. */
function enter({ senders, dimensions }: State, subject: Subject, time: number): Sender {
  const key = `${subject.kind}\u0000${subject.id}`
  let sender = senders.get(key)
  if (sender === undefined) {
    if (senders.size >= mostSenders) senders.delete(senders.keys().next().value as string)
    sender = {
      excess: new ExcessProcess(tolerance),
      drift: emptyDriftSum(dimensions),
      strange: 0,
      together: 1,
      spoken: 0,
      firstSeen: time,
      lastSeen: time,
    }
  } else {
    senders.delete(key)
    sender.firstSeen = Math.min(sender.firstSeen, time)
    sender.lastSeen = Math.max(sender.lastSeen, time)
  }
  senders.set(key, sender)
  return sender
}

function* drifts(senders: ReadonlyMap<string, Sender>): Iterable<DriftSum> {
  for (const { drift } of senders.values()) yield drift
}
