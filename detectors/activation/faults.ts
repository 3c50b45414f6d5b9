import type { Category, Subject } from '../../src/telemetry/events.ts'
import { offScale } from './quantities.ts'
import type { Fault, RunState, Track } from './run-state.ts'

/** A step with a smaller p-value begins a fault; one with a smaller p-value than `continuing` goes on with it. */
const beginning = 1e-4
const continuing = 1e-3
/** From here on the fault's name is settled, and after 30 calm steps only such a step begins another fault. */
const certain = 1e-8
const calmSteps = 30
/** A run needs some steps to settle: until so many were quiet, what is strange belongs to the fault before. */
const settlingSteps = 60
/** Steps in which a fault finds its members. */
const youngSteps = 3
/** A track is strange from here on: when it became so tells causes from consequences. */
export const strange = 0.01
const accuracy = 'tidewatch.training.accuracy'

/** Takes a step into the run's faults; gives the one that the step is about, null for an ordinary step. */
export function faultOf(state: RunState, pValue: number, time: number): Fault | null {
  const { step } = state
  let fault = state.fault
  if (fault !== null && step - fault.lastStep > settlingSteps) fault = null
  const another = fault !== null && pValue <= certain && step - fault.lastStrong > calmSteps && fault.pValue <= certain
  const unsure = fault !== null && fault.pValue > certain && pValue < fault.pValue
  if ((fault === null && pValue <= beginning) || another || unsure) {
    const events = unsure ? fault!.events : 0
    const root = rootOf([...state.tracks.values()])
    fault = {
      ...root,
      members: [],
      began: unsure ? fault!.began : time,
      firstStep: unsure ? fault!.firstStep : step,
      lastStep: step,
      lastStrong: step,
      pValue,
      events,
    }
  }
  state.fault = fault
  if (fault === null || pValue > continuing) return null
  fault.lastStep = step
  if (pValue <= certain) fault.lastStrong = step
  fault.pValue = Math.min(fault.pValue, pValue)
  fault.events++
  if (step - fault.firstStep <= youngSteps) fault.members = membersOf(fault, state.tracks.values())
  return fault
}

/**
 * What a fault is about. In a step the forward pass comes first: a layer that became strange no later than loss and gradient did is the
 * cause (the first such layer in the order of reporting, which is the order of the network), otherwise it is training itself.
 */
function rootOf(tracks: readonly Track[]): { category: Category; subject: Subject } {
  let layer: Track | null = null
  let training: Track | null = null
  for (const track of tracks) {
    if (track.pValue > continuing) continue
    if (track.quantity.of === 'layer') {
      if (layer === null || track.since < layer.since) layer = track
    } else if (training === null || rank(track) < rank(training)) training = track
  }
  const first = earliestTraining(training, tracks)
  if (layer !== null && (training === null || layer.since <= first)) {
    const { layer: name, series } = layer
    return { category: 'activation', subject: name === null ? { kind: 'series', id: series } : { kind: 'layer', id: name } }
  }
  return { category: 'signal', subject: { kind: 'series', id: (training ?? layer)!.series } }
}

/** When the first of loss, gradient norm and accuracy became strange. */
function earliestTraining(found: Track | null, tracks: readonly Track[]): number {
  let first = found?.since ?? Number.POSITIVE_INFINITY
  for (const { quantity, since } of tracks) if (quantity.of === 'training' && since >= 0) first = Math.min(first, since)
  return first
}

/** Accuracy is the consequence of everything, so it names a fault only where nothing else does. */
function rank({ metric, pValue }: Track): number {
  return metric === accuracy ? 1 + pValue : pValue
}

function membersOf(fault: Fault, tracks: Iterable<Track>): Subject[] {
  const members = new Map(fault.members.map((member) => [`${member.kind} ${member.id}`, member]))
  for (const { quantity, layer, series, metric, pValue } of tracks) {
    if (pValue > continuing) continue
    if (fault.category === 'activation' && quantity.of === 'layer' && layer !== null)
      members.set(`layer ${layer}`, { kind: 'layer', id: layer })
    if (fault.category === 'signal' && quantity.of === 'training' && metric !== accuracy)
      members.set(`series ${series}`, { kind: 'series', id: series })
  }
  members.delete(`${fault.subject.kind} ${fault.subject.id}`)
  return [...members.values()]
}

/** The strongest changes of a step, for people: `zero_ratio{layer=hidden1} 0.946 (expected 0.61)`. */
export function changesOf(tracks: Iterable<Track>): string {
  return [...tracks]
    .filter(({ pValue }) => pValue <= strange)
    .sort((a, b) => a.pValue - b.pValue)
    .slice(0, 5)
    .map(({ metric, layer, value, look, quantity }) => {
      const name = layer === null ? metric : `${metric} of ${layer}`
      return `${name} ${Number(value.toPrecision(4))} (expected ${Number(offScale(quantity, look.expected).toPrecision(4))})`
    })
    .join('; ')
}
