import { defineDetector } from '../../src/detection/contract.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { historicalP, historySize, learnScore, shortestHistory } from '../../src/sketches/score-history.ts'
import type { MetricPointEvent } from '../../src/telemetry/events.ts'
import { isHealthMetric } from '../activation/quantities.ts'
import { silenceExample } from './silence-example.ts'

interface State {
  points: number
  /** Times of the first and the newest point, microseconds. */
  first: number
  last: number
  /** Usual time between points. */
  interval: number
  /** How long the gaps between points were, in units of what is no gap yet; zero for the ordinary ones. */
  readonly gaps: Float32Array
  /** When the present silence is judged next, in the same unit, and the smallest p-value that was told of it. */
  next: number
  told: number
  /** Day of the last word. */
  day: number
}

const dayMicros = 86_400e6
/** Usual intervals that may pass before silence is a gap. */
const patience = 3
/** Slowest adaptation of the interval. */
const intervalRate = 0.01
/** A series must be known for so long: nobody knows of its nights before. */
const shortestLife = 1.05 * dayMicros
/** While a series had no gap at all: index of the tail beyond the patience, that of the prior in `historicalP`. */
const priorIndex = 4
/** Silence is judged when it grew by so much, and told when the p-value halved. */
const growth = 1.25
const least = 1e-200

/**
 * Series silence: a metric that stops to come, told while it is silent.
 *
 * The time between two points, in units of three usual intervals, has a p-value against the series' own past gaps: the rank, and beyond the
 * highest a power law whose index is estimated and not taken for certain (as in `series-anomaly`); while there never was a gap among n
 * points, 1 / (n + 1) times the fourth power of one over the length. Times the usual number of points a day it is the expected number of such
 * silences a day, which is the p-value (score: -ln p) of all looks of the day together. The clock is the log's own: event times of whatever
 * else comes, and the ticks that are written when nothing does. Series whose points come late are waited for as long as they were late before.
 *
 * Compared with: the series' own gaps, of at least 50 points and a day.
 *
 * Parameters: three intervals of patience; a look whenever the silence grew by a quarter. 300 bytes a series.
 *
 * Finds: exporters, jobs and services that died or were cut off: a series of a point a minute known for two days after about half an hour, later
 * earlier. What ends when its points come again is told by then.
 *
 * Misses: series that often paused as long; those known for less than a day; that points come but say nothing new. May name: series that end for
 * good because what they are about is gone (a pod, a customer), and the first weekend of those that rest on weekends.
 *
 * Reference: Hill 1975; Vovk et al. 2005 (conformal prediction).
 */
export const seriesSilence = defineDetector<State>({
  name: 'series-silence',
  category: 'signal',
  version: 1,
  title: '{subject} has gone silent',
  consumes: ['metricPoint'],
  maxSubjects: 100_000,
  quantity: { name: 'days of the series for each silence as long', value: Math.exp },
  leastSpread: 1,
  weight: 1,
  effectFloor: 0,
  perLook: true,
  build: () => ({
    subjects(event) {
      const { service, environment, series, metric } = event as MetricPointEvent
      if (isHealthMetric(metric)) return []
      return [{ subject: { kind: 'series', id: series }, population: `${environment}/${service}/${series}/silence` }]
    },

    create: () => ({ points: 0, first: 0, last: 0, interval: 0, gaps: new Float32Array(historySize), next: 1, told: 1, day: -1 }),

    update(state, { time }) {
      if (state.points++ === 0) {
        state.first = time
        state.last = time
      }
      takeIn(state, time)
      const day = Math.floor(time / dayMicros)
      if (day <= state.day) return null
      // Whoever may be found silent takes a part of the day's budget, found or not.
      state.day = day
      return { score: 0, pValue: isKnown(state) ? 1 : null, events: state.points, evidence: {}, sketch: null }
    },

    quiet: {
      due: (state) => (isKnown(state) ? state.last + state.next * patience * state.interval : Number.POSITIVE_INFINITY),

      ask(state, time) {
        const silence = time - state.last
        const length = silence / (patience * state.interval)
        state.next = Math.max(state.next, length) * growth
        const perDay = Math.max(1, dayMicros / state.interval)
        const pValue = Math.max(least, Math.min(1, perDay * chanceOf(state, length)))
        if (pValue > state.told / 2) return null
        state.told = pValue
        return {
          score: -Math.log(pValue),
          pValue,
          events: state.points,
          quietMicros: Math.max(300e6, 2 * silence),
          evidence: {
            fact: `no point for ${Math.round(silence / 1e6)} s, where one comes every ${Math.round(state.interval / 1e6)} s`,
            silentSeconds: Math.round(silence / 1e6),
            usualIntervalSeconds: Math.round(state.interval / 1e6),
            knownForDays: Math.round((10 * (state.last - state.first)) / dayMicros) / 10,
          },
          sketch: null,
        }
      },
    },

    encode(state) {
      const writer = new ByteWriter(256).f64(state.points).f64(state.first).f64(state.last).f64(state.interval)
      return writer.f64(state.next).f64(state.told).f64(state.day).f32s(state.gaps).finish()
    },

    decode(bytes) {
      const reader = new ByteReader(bytes)
      const [points, first, last, interval, next, told, day] = Array.from({ length: 7 }, () => reader.f64())
      return { points, first, last, interval, next, told, day, gaps: reader.f32s(historySize) }
    },
  }),
  example: silenceExample,
})

function isKnown({ points, first, last, interval }: State): boolean {
  return points > shortestHistory && last - first >= shortestLife && interval > 0
}

/** Late points end no silence and are no interval. */
function takeIn(state: State, time: number): void {
  const elapsed = time - state.last
  if (!(elapsed > 0)) return
  state.last = time
  state.next = 1
  state.told = 1
  if (state.interval === 0) {
    state.interval = elapsed
    return
  }
  const length = elapsed / (patience * state.interval)
  learnScore(state.gaps, 0, length > 1 ? length : 0)
  // A step in logarithms, so that one long silence does not make the interval long.
  const step = Math.max(-0.5, Math.min(1, elapsed / state.interval - 1))
  state.interval *= 1 + step * Math.max(intervalRate, 1 / state.points)
}

/** P(the time between two points is at least so long). */
function chanceOf({ gaps, points }: State, length: number): number {
  const ranked = historicalP(gaps, 0, length)
  // Nothing above zero was ever seen: there is no tail to estimate.
  const none = gaps.subarray(2).every((count) => count === 0)
  return none ? length ** -priorIndex / (points + 1) : ranked
}
