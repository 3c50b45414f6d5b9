import { defineDetector } from '../../src/detection/contract.ts'
import { layerStatistics } from '../../src/detection/layer-model.ts'
import { layerOf } from '../../src/detection/layers.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { Cohort, type CohortMember, decodeMember, encodeMember } from '../../src/sketches/cohort.ts'
import { ExcessProcess } from '../../src/sketches/excess.ts'
import { LabelNorms } from '../../src/sketches/label-norms.ts'
import type { CallEvent, Subject } from '../../src/telemetry/events.ts'
import { activationOod } from './activation-ood.ts'
import { activationExample } from './senders-example.ts'

interface Sender {
  readonly excess: ExcessProcess
  readonly member: CohortMember
  strange: number
  /** Smallest p-value of the looks so far, and what it was about. */
  different: number
  differentIn: string
  spoken: number
  lastInput: string | null
  firstSeen: number
  lastSeen: number
}

interface State {
  dimensions: number
  calls: number
  /** Share of strange calls among the last ones of all senders. */
  recent: number
  cohort: Cohort
  norms: LabelNorms
  /** Silent longest first. */
  readonly senders: Map<string, Sender>
}

/** The fused p-value and its parts. */
const pValues = 1 + layerStatistics.length
/** Bound on memory: 900 bytes a sender. */
const mostSenders = 2048
/** Even where senders do not seem to differ: up to a quarter more small p-values than chance gives are nobody's fault. */
const tolerance = 1.25
const strange = 0.05
/** While so many of the last hundred calls are strange, whoever made them, it is nobody's own doing: see activation-shift. */
const burst = 0.1
const recentCalls = 100
/** Every sender teaches alike what is usual for a label: its first calls, then one in eight. */
const teachesFirst = 16
const teachesEvery = 8
const refreshEvery = 256
/** A sender speaks when its p-value halved. */
const growth = Math.LN2
const least = 1e-200

/**
 * Strange inputs: who keeps sending inputs that a layer of the model finds unusual, one by one or all in one way.
 *
 * Two tests a sender, each valid however often it is looked at; the smaller p-value counts twice. First, betting on the p-values that
 * `activation-ood` gives the sender's calls: wealth grows when more of them are small than chance allows, from any moment on
 * (`ExcessProcess`). Second, whether the sender differs from the other senders (`Cohort`): in the mean of its activations, each relative
 * to its predicted class and whitened (honest inputs scatter around their class and cancel, while those of one trigger or one
 * perturbation point the same way, even where no single one is unusual), or in the mean of -ln p, of all statistics together or of
 * one of them. Both allow for what people are: everything is relative to what is usual for the predicted label, and senders may
 * differ by as much as the senders of this layer do. The same input again does not count, and while the layer as a whole sees a
 * burst, nobody is counted.
 *
 * Compared with: what chance allows; and the other senders of the layer with sixteen calls or more, at least ten.
 *
 * Finds: accounts that trigger a backdoor, send adversarial examples or foreign inputs among ordinary ones.
 *
 * Misses: a few strange calls a sender (spread over many accounts they are `activation-shift`'s); strong adversarial examples, which look
 * like their target class and scatter in all directions. May name: honest people with a camera, a language or a subject of their own,
 * where few others have one.
 *
 * Reference: Shafer 2021 (betting), Shin, Ramdas and Rinaldo 2024 (e-detectors), Efron 2004 (empirical null).
 */
export const strangeInputs = defineDetector<State>({
  name: 'strange-inputs',
  category: 'activation',
  version: 2,
  title: '{subject} keeps sending inputs that the model finds strange',
  consumes: ['call'],
  maxSubjects: 128,
  quantity: { name: 'one in so many senders looks at least so strange by chance', value: (score) => Math.exp(score) },
  leastSpread: 1,
  weight: 1,
  effectFloor: Math.log(100),
  hears: activationOod,
  build: () => {
    const all = new Float64Array(pValues)
    let vector = new Float64Array(0)
    return {
      subjects: (event) =>
        senderOf(event as CallEvent) === null
          ? []
          : // The findings are about senders: not tests of the model, as those of the layer itself are.
            layerOf(event).map(({ subject, population }) => ({ subject, population: `${population}/senders` })),
      create: () => ({
        dimensions: 0,
        calls: 0,
        recent: strange,
        cohort: new Cohort(0, pValues),
        norms: new LabelNorms(pValues),
        senders: new Map(),
      }),

      update(state, event, heard) {
        if (heard === null || heard === undefined || heard.pValue === null || heard.whispered === undefined) return null
        const { residual, parts } = heard.whispered
        if (residual.length !== state.dimensions) {
          state.dimensions = residual.length
          state.cohort = new Cohort(residual.length, pValues)
          state.norms = new LabelNorms(pValues)
          state.senders.clear()
        }
        const call = event as CallEvent
        const subject = senderOf(call)!
        const sender = enter(state, subject, call.time)
        const isStrange = heard.pValue < strange
        const inBurst = state.recent > burst
        state.recent += ((isStrange ? 1 : 0) - state.recent) / recentCalls
        if (++state.calls % refreshEvery === 0) state.cohort.refresh(membersOf(state.senders))
        if (isStrange) sender.strange++
        if (inBurst) return null
        all[0] = heard.pValue
        all.set(parts, 1)
        if (vector.length !== residual.length) vector = new Float64Array(residual.length)
        vector.set(residual)
        const { count } = sender.member
        state.norms.adjust(call.prediction?.label ?? '', all, vector, count < teachesFirst || count % teachesEvery === 0)
        // The same input again is no further evidence.
        if (call.fingerprint !== null && call.fingerprint === sender.lastInput) return null
        sender.lastInput = call.fingerprint
        sender.excess.add(all[0] ** (1 / state.cohort.natural), tolerance)
        state.cohort.add(sender.member, vector, all)
        const look = state.cohort.look(sender.member)
        if (look !== null && look.pValue < sender.different) {
          sender.different = look.pValue
          sender.differentIn = nameOf(look.test)
        }
        const pValue = Math.max(least, Math.min(1, 2 * Math.min(sender.excess.pValue, sender.different)))
        const score = -Math.log(pValue)
        if (score < sender.spoken + growth) return null
        sender.spoken = score
        const strangeByChance = Math.round(10 * strange * sender.member.count) / 10
        return {
          about: { subject, firstSeen: sender.firstSeen, lastSeen: sender.lastSeen },
          score,
          pValue,
          events: sender.member.count,
          evidence: {
            fact:
              sender.different < sender.excess.pValue
                ? `${sender.member.count} calls differ from those of the other senders, most in ${sender.differentIn}`
                : `${sender.strange} of ${sender.member.count} calls are strange, where ${strangeByChance} are by chance`,
            calls: sender.member.count,
            strangeCalls: sender.strange,
            strangeByChance,
            pValueOfExcess: Number(sender.excess.pValue.toPrecision(3)),
            pValueOfDifference: Number(sender.different.toPrecision(3)),
            differentIn: sender.differentIn,
            lastLabel: call.prediction?.label ?? null,
            layer: call.activation!.layer,
          },
          sketch: null,
        }
      },

      encode({ dimensions, calls, recent, cohort, norms, senders }) {
        const writer = new ByteWriter(64).u32(dimensions).f64(calls).f64(recent)
        cohort.encode(writer)
        norms.encode(writer)
        writer.u32(senders.size)
        for (const [key, sender] of senders) {
          writer.text(key)
          sender.excess.encode(writer)
          encodeMember(sender.member, writer)
          writer.f64(sender.strange).f64(sender.different).text(sender.differentIn)
          writer
            .f64(sender.spoken)
            .text(sender.lastInput ?? '')
            .f64(sender.firstSeen)
            .f64(sender.lastSeen)
        }
        return writer.finish()
      },

      decode(bytes) {
        const reader = new ByteReader(bytes)
        const dimensions = reader.u32()
        const calls = reader.f64()
        const recent = reader.f64()
        const cohort = Cohort.decode(reader, dimensions, pValues)
        const norms = LabelNorms.decode(reader, pValues)
        const state: State = { dimensions, calls, recent, cohort, norms, senders: new Map() }
        for (let left = reader.u32(); left > 0; left--) {
          state.senders.set(reader.text(), {
            excess: ExcessProcess.decode(reader),
            member: decodeMember(reader, dimensions, pValues),
            strange: reader.f64(),
            different: reader.f64(),
            differentIn: reader.text(),
            spoken: reader.f64(),
            lastInput: reader.text() || null,
            firstSeen: reader.f64(),
            lastSeen: reader.f64(),
          })
        }
        return state
      },
    }
  },
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
function enter({ senders, cohort }: State, subject: Subject, time: number): Sender {
  const key = `${subject.kind}\u0000${subject.id}`
  let sender = senders.get(key)
  if (sender === undefined) {
    if (senders.size >= mostSenders) senders.delete(senders.keys().next().value as string)
    sender = {
      excess: new ExcessProcess(),
      member: cohort.newMember(),
      strange: 0,
      different: 1,
      differentIn: '',
      spoken: 0,
      lastInput: null,
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

function nameOf(test: number): string {
  if (test < 0) return 'common direction'
  return test === 0 ? 'all statistics' : layerStatistics[test - 1]
}

function* membersOf(senders: ReadonlyMap<string, Sender>): Iterable<CohortMember> {
  for (const { member } of senders.values()) yield member
}
