import { type DetectorDefinition, defineDetector, type Finding } from '../../src/detection/contract.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { negativeBinomialTail } from '../../src/sketches/count-tails.ts'
import type { CallEvent } from '../../src/telemetry/events.ts'
import { backdoorActivation } from './backdoor-activation.ts'
import { along } from './cluster-axis.ts'
import { fold, mostDimensions, runOf } from './sample-block.ts'
import { triggeredModel } from './trigger-example.ts'

/** Clusters of a run that are remembered, and callers of its model that are counted; who was silent longest makes room. */
const mostClusters = 8
const mostCallers = 2000
/** Fewer near calls are no habit. */
const leastNear = 3
/** Before so many calls of others there is nothing to compare with. */
const leastOthers = 20
/** People differ in what they ask: the rate of near calls scatters between them with a coefficient of variation of one over the root of this. */
const shape = 2

interface Caller {
  calls: number
  near: number
  looks: number
  spokenAt: number
  firstNear: number
}

interface Cluster {
  readonly source: string
  readonly label: string
  axis: Float64Array
  bound: number
  share: number
  sampleIds: string
  calls: number
  near: number
  readonly callers: Map<string, Caller>
}

interface State {
  readonly clusters: Cluster[]
}

const folded = new Float64Array(mostDimensions)

/**
 * Backdoor trigger: who makes a model answer with what a source planted in its training.
 *
 * `backdoor-activation` names a source whose samples of one class form a cluster of their own. How it is told from the class as the other
 * sources taught it (Fisher's discriminant, a bound that one in fifty of their samples passes) is kept with the run; when the model of that run answers
 * with the class, each call lies near the cluster or not. For each principal the near calls are counted against the rate of the others (at least the rate among the other sources'
 * samples); the number is gamma-Poisson with a spread between people, and p-values are shared out over looks and clusters. What is found is said of
 * the *source*, with the principal as a member: training and inference are one incident.
 *
 * A model belongs to a run when its version (`tidewatch.model.version`) is the run's id and both are of one environment. The watched layer must be the
 * one of the training samples.
 *
 * Compared with: the other principals whose calls got the same answer, twenty calls of them at least.
 *
 * Finds: principals who use a trigger, from three near calls on, also where the training alone was not sure enough for an incident.
 *
 * Misses: triggers of clusters that training did not show at all, models that were trained on after the last samples were sent, and a
 * trigger that most callers use.
 *
 * Reference: Chen et al. 2018 (activation clustering); the gamma-Poisson tail as in label-flip (DuMouchel 1999).
 */
export const backdoorTrigger = defineDetector<State>({
  name: 'backdoor-trigger',
  category: 'poisoning',
  version: 2,
  title: 'what {subject} planted is used against the model',
  consumes: ['trainingSample', 'call'],
  hears: backdoorActivation as DetectorDefinition,
  maxSubjects: 256,
  quantity: { name: 'calls near the planted cluster, in multiples of what is expected', value: (score) => Math.exp(score) },
  leastSpread: 0.5,
  weight: 1,
  effectFloor: Math.log(2),
  build: () => ({
    subjects: runOf,
    create: () => ({ clusters: [] }),

    update(state, event, heard) {
      if (event.kind !== 'call') {
        if (heard) for (const finding of [heard, ...(heard.also ?? [])]) remember(state, finding)
        return null
      }
      return state.clusters.length === 0 ? null : look(state, event)
    },

    encode,
    decode,
  }),
  example: {
    subject: { kind: 'source', id: 'source-3' },
    anomalous: () => triggeredModel(true),
    benign: () => triggeredModel(false),
  },
})

/** Takes a cluster in; what is said of it later is nearer to the model as it will be. */
function remember({ clusters }: State, { about, evidence, whispered }: Finding): void {
  if (whispered === undefined || about === undefined) return
  const { axis, bound, share } = whispered
  const label = String(evidence.targetClass)
  const found = { axis, bound: bound[0], share: share[0], sampleIds: String(evidence.sampleIds) }
  const known = clusters.find((cluster) => cluster.source === about.subject.id && cluster.label === label)
  if (known !== undefined) Object.assign(known, found)
  else {
    if (clusters.length === mostClusters) clusters.shift()
    clusters.push({ source: about.subject.id, label, ...found, calls: 0, near: 0, callers: new Map() })
  }
}

function look({ clusters }: State, call: CallEvent): Finding | null {
  const { activation, prediction, principal } = call
  if (activation === null || principal === null || prediction?.label == null) return null
  let said: Finding | null = null
  for (const cluster of clusters) {
    const d = cluster.axis.length
    if (cluster.label !== prediction.label || Math.min(mostDimensions, activation.vector.length) !== d) continue
    const vector = folded.subarray(0, d)
    fold(activation.vector, vector)
    const caller = callerOf(cluster, principal.id)
    caller.calls++
    cluster.calls++
    if (!(along(vector, cluster.axis) > cluster.bound)) continue
    cluster.near++
    if (caller.near++ === 0) caller.firstNear = call.time
    if (caller.near < leastNear || caller.near < 2 * caller.spokenAt || cluster.calls - caller.calls < leastOthers) continue
    caller.spokenAt = caller.near
    caller.looks++
    const rate = Math.max(cluster.share, (cluster.near - caller.near + 1) / (cluster.calls - caller.calls + 2))
    const expected = caller.calls * rate
    const looks = caller.looks * (caller.looks + 1)
    const pValue = Math.min(1, looks * clusters.length * negativeBinomialTail(caller.near, shape, expected))
    if (said !== null && said.pValue! <= pValue) continue
    said = {
      about: {
        subject: { kind: 'source', id: cluster.source },
        members: [{ kind: 'principal', id: principal.id }],
        firstSeen: caller.firstNear,
        lastSeen: call.time,
      },
      score: Math.max(0, Math.log((caller.near + 1) / (expected + 1))),
      pValue: Math.max(pValue, Number.MIN_VALUE),
      events: caller.near,
      evidence: {
        fact: `${caller.near} of ${caller.calls} calls of ${principal.id} answered ${cluster.label} lie where the source's samples of that class lay, and ${Number(expected.toPrecision(2))} are expected`,
        principal: principal.id,
        targetClass: cluster.label,
        callsNearCluster: caller.near,
        callsWithThatAnswer: caller.calls,
        expectedNear: Number(expected.toPrecision(4)),
        run: call.model.version,
        sampleIds: cluster.sampleIds,
      },
      sketch: null,
    }
  }
  return said
}

function callerOf({ callers }: Cluster, principal: string): Caller {
  let caller = callers.get(principal)
  if (caller === undefined) {
    if (callers.size >= mostCallers) callers.delete(callers.keys().next().value as string)
    caller = { calls: 0, near: 0, looks: 0, spokenAt: 0, firstNear: 0 }
  } else {
    callers.delete(principal)
  }
  callers.set(principal, caller)
  return caller
}

function encode({ clusters }: State): Uint8Array {
  const writer = new ByteWriter(1024).u8(clusters.length)
  for (const { source, label, axis, bound, share, sampleIds, calls, near, callers } of clusters) {
    writer.text(source).text(label).u8(axis.length).f64s(axis).f64(bound).f64(share).text(sampleIds).f64(calls).f64(near).u32(callers.size)
    for (const [principal, caller] of callers)
      writer.text(principal).u32(caller.calls).u32(caller.near).u32(caller.looks).u32(caller.spokenAt).f64(caller.firstNear)
  }
  return writer.finish()
}

function decode(bytes: Uint8Array): State {
  const reader = new ByteReader(bytes)
  const clusters: Cluster[] = []
  for (let left = reader.u8(); left > 0; left--) {
    const source = reader.text()
    const label = reader.text()
    const d = reader.u8()
    const axis = reader.f64s(d)
    const bound = reader.f64()
    const share = reader.f64()
    const sampleIds = reader.text()
    const calls = reader.f64()
    const near = reader.f64()
    const callers = new Map<string, Caller>()
    for (let of = reader.u32(); of > 0; of--) {
      const principal = reader.text()
      callers.set(principal, {
        calls: reader.u32(),
        near: reader.u32(),
        looks: reader.u32(),
        spokenAt: reader.u32(),
        firstNear: reader.f64(),
      })
    }
    clusters.push({ source, label, axis, bound, share, sampleIds, calls, near, callers })
  }
  return { clusters }
}
