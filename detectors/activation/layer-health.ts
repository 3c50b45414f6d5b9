import { defineDetector, type Evidence, type Finding } from '../../src/detection/contract.ts'
import { leaveStepOut, lookAtStep } from '../../src/sketches/step-score.ts'
import type { MetricPointEvent, Subject } from '../../src/telemetry/events.ts'
import { healthExample } from './examples.ts'
import { changesOf, faultOf, strange } from './faults.ts'
import { isHealthMetric, nonFiniteMetric, onScale, quantityOf } from './quantities.ts'
import { createRun, createTrack, decodeRun, encodeRun, type Fault, type RunState } from './run-state.ts'

/** Series of a run that are watched; further ones are not. */
const mostTracks = 2048
/** The p-value of what cannot be. */
const impossible = 1e-300
const nothing: Evidence = {}
const layerLabel = 'tidewatch.activation.layer'

/**
 * Layer health: what a network's layers and its training tell of themselves, step by step.
 *
 * A run is a service with the attributes of its metrics, the layer's name left out; all its series are judged together, once a step (a
 * step is over when the series speaks that was the last one in the step before, or when one speaks again). Values that are not finite, or are counted as such, are an exact finding at once.
 * Everything else is put on a scale where noise is about normal (logarithm of losses and norms, logit of shares) and compared with its own past
 * by two residuals: against the level of the last ten steps, and of that level against the last fifty. Each is measured in its running
 * spread and has a p-value by rank and exponential tail of its own history; evidence of consecutive steps is cumulated (CUSUM with
 * Lundberg's bound). Only harm counts: loss up, accuracy down, more dead or saturated units, norms and spread either way. The p-value of
 * a step is Bonferroni's over its series.
 *
 * One fault moves many series and is one finding: a layer that became strange no later than loss and gradient is its cause (category
 * activation), otherwise training itself (category signal). What is strange until sixty steps were quiet belongs to the same fault.
 *
 * Compared with: the run's own past, at least a hundred steps. Time does not enter, so pauses are nothing; slow changes, of the learning
 * rate for instance, move the levels along.
 *
 * Finds: NaN and infinity, dead and saturated units, exploding and vanishing norms, collapse of variance, spikes of loss and gradient.
 *
 * Misses: faults of the first hundred steps unless they are not finite, faults slower than about fifty steps, and what only happens between
 * reports.
 *
 * Parameters: rates 0.1 and 0.02, drift 3 of the cumulated evidence, least noise of two per cent; 500 bytes a series.
 *
 * Reference: Page 1954 (CUSUM); Lundberg 1903; Hill 1975; Lu et al. 2019 (dying ReLU); Glorot and Bengio 2010 (saturation).
 */
export const layerHealth = defineDetector<RunState>({
  name: 'layer-health',
  category: 'activation',
  version: 1,
  title: '{subject} is not well',
  consumes: ['metricPoint'],
  maxSubjects: 1000,
  quantity: { name: 'steps of the run for each one as strange', value: (score) => Math.exp(Math.min(700, score)) },
  leastSpread: 1,
  weight: 1,
  effectFloor: 0,
  perLook: true,
  build: () => ({
    subjects(event) {
      const { service, environment, series, metric } = event as MetricPointEvent
      if (!isHealthMetric(metric)) return []
      const rest = othersOf(series, metric)
      const id = rest === '' ? service : `${service}{${rest}}`
      return [{ subject: { kind: 'run', id }, population: `${environment}/${id}` }]
    },

    create: createRun,

    update(state, event) {
      const point = event as MetricPointEvent
      const { metric, value } = point
      if (!Number.isFinite(value) || (metric === nonFiniteMetric && value > 0)) return brokenPoint(state, point)
      const quantity = quantityOf(metric)
      if (quantity === null) return null
      let track = state.tracks.get(point.series)
      if (track === undefined) {
        if (state.tracks.size >= mostTracks) return null
        track = createTrack(point.series, metric, point.layer, quantity)
        state.tracks.set(point.series, track)
      } else if (point.time < track.time) {
        return null
      }
      // A series that speaks again before all have spoken begins the next step.
      const before = track.reported ? endStep(state, point.time) : null
      if (isBroken(state)) {
        // What a network with NaN inside reports besides is not its health: nothing is learnt from it.
        track.pValue = 1
      } else {
        lookAtStep(track.block, track.scalars, onScale(quantity, value), quantity.least, track.look)
        const { rise, fall } = track.look
        track.pValue = quantity.harm === 'rise' ? rise : quantity.harm === 'fall' ? fall : Math.min(rise, fall)
      }
      track.value = value
      track.time = point.time
      track.reported = true
      state.latest = point.series
      return point.series === state.closing ? endStep(state, point.time) : before
    },

    encode: encodeRun,
    decode: decodeRun,
  }),
  example: healthExample,
})

/** Judges all that was reported in a step. */
function endStep(state: RunState, time: number): Finding {
  const step = ++state.step
  let smallest = 1
  let judged = 0
  for (const track of state.tracks.values()) {
    if (!track.reported) {
      track.pValue = 1
      continue
    }
    judged++
    if (track.pValue < smallest) smallest = track.pValue
    if (track.pValue > strange) track.since = -1
    else if (track.since < 0) track.since = step
  }
  state.closing = state.latest
  if (state.time > 0 && time > state.time) {
    const elapsed = time - state.time
    state.interval += (state.interval === 0 ? 1 : 0.05) * (Math.min(elapsed, 3 * (state.interval || elapsed)) - state.interval)
  }
  state.time = time
  // A sudden, a cumulated and a slow test for each series.
  let pValue = Math.max(impossible, Math.min(1, 3 * judged * smallest))
  if (state.broken !== null && step - state.broken.lastStep <= 60) pValue = 1
  const fault = faultOf(state, pValue, time)
  for (const track of state.tracks.values()) {
    if (track.reported && fault !== null) leaveStepOut(track.block, track.scalars)
    track.reported = false
  }
  const found = { score: -Math.log(pValue), pValue: smallest === 1 ? null : pValue, sketch: null, quietMicros: quietOf(state) }
  if (fault === null) return { ...found, events: step, evidence: nothing }
  return { ...found, ...aboutOf(fault, time), evidence: { changed: changesOf(state.tracks.values()), steps: fault.events } }
}

/** A value that is not finite: told at once, once a step and for each layer or series that is new to it. */
function brokenPoint(state: RunState, { layer, series, time }: MetricPointEvent): Finding | null {
  const subject: Subject = layer === null ? { kind: 'series', id: series } : { kind: 'layer', id: layer }
  let broken = state.broken
  if (broken === null || state.step - broken.lastStep > 60) {
    const { step } = state
    const at = { began: time, firstStep: step, lastStep: step, lastStrong: step }
    broken = { category: 'activation', subject, members: [], ...at, pValue: impossible, events: 0 }
    state.broken = broken
  }
  const first = broken.events === 0 || state.step > broken.lastStep
  broken.lastStep = state.step
  broken.events++
  const isNew = (one: Subject): boolean => one.kind !== subject.kind || one.id !== subject.id
  const named = !isNew(broken.subject) || !broken.members.every(isNew)
  // What breaks in the same step is named; what follows is consequence.
  const joins = !named && state.step === broken.firstStep
  if (joins) broken.members = [...broken.members, subject]
  if (!first && !joins) return null
  return {
    score: -Math.log(impossible),
    pValue: impossible,
    ...aboutOf(broken, time),
    quietMicros: quietOf(state),
    evidence: { changed: `${series} is not finite`, points: broken.events },
    sketch: null,
  }
}

/** Whether this step or the last one had values that were not finite. */
function isBroken({ broken, step }: RunState): boolean {
  return broken !== null && step - broken.lastStep <= 1
}

function aboutOf({ category, subject, members, began, events }: Fault, time: number) {
  return { category, events, about: { subject, members, firstSeen: began, lastSeen: time } }
}

/** An incident is over after 120 quiet steps: twice what a run takes to settle, so that a pause in that time does not end it. */
function quietOf({ interval }: RunState): number {
  return Math.max(60e6, 120 * interval)
}

/** The attributes of a series but for the layer, as its name has them. */
function othersOf(series: string, metric: string): string {
  if (series.length === metric.length) return ''
  const labels = series.slice(metric.length + 1, -1)
  if (!labels.includes(layerLabel)) return labels
  return labels
    .split(',')
    .filter((label) => !label.startsWith(`${layerLabel}=`))
    .join(',')
}
