import { defineDetector, type Evidence, type Finding } from '../../src/detection/contract.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import {
  createSeries,
  createSeriesLook,
  lookAtPoint,
  readSeries,
  type SeriesLook,
  type SeriesState,
  usualInterval,
  writeSeries,
} from '../../src/sketches/series-score.ts'
import type { MetricPointEvent } from '../../src/telemetry/events.ts'
import { isHealthMetric } from '../activation/quantities.ts'
import { seriesExample } from './examples.ts'
import { type LastPoint, paceOf, readingOf } from './reading.ts'

interface State {
  readonly values: SeriesState
  /** How many observations a second, for histograms. */
  pace: SeriesState | null
  readonly last: LastPoint
  points: number
  /** Points in a row that were not finite, and whether the series had such ones from the beginning. */
  broken: number
  alwaysBroken: boolean
}

/** Points that must be known before a value that is not finite is a surprise. */
const beginning = 50
/** The p-value of what cannot be: as small as a number is that still has a logarithm to spare. */
const impossible = 1e-300
/** From here on evidence is worth its bytes. */
const telling = 0.01
const nothing: Evidence = {}
const look = createSeriesLook()
const paceLook = createSeriesLook()

/**
 * Series anomaly: any metric, without configuration, point by point.
 *
 * A gauge is watched as it is, a counter by its rate a second, a histogram by its mean and by its pace. Five tests look at each
 * point before it is learnt: is it outside of what was seen at this time of day, outside of all that was seen, a sudden change against the
 * usual level of this time of day, a pattern of the last eight points that leaves the usual subspace of patterns, or the end of a silence
 * of more than three usual intervals. Each has a p-value by rank and power-law tail against its own past scores, so that it means
 * the same in every series; Cauchy's rule makes them one. After a peak, 30 points that are no stranger are silent: one event is one peak.
 * The score is -ln p. A value that is not finite is an exact finding, unless the series had such values from its first 50 points on.
 * What `layer-health` judges (known `tidewatch.training.*` and `tidewatch.activation.*` metrics) is left to it.
 *
 * Compared with: the series' own past, at least 50 points; ranges forget in two to four months, scores half of what is older than 16,384
 * points.
 *
 * Parameters: quarter-hour bins, 30 points of silence, 8 lags and rank 2, level rates 0.3, tail from the highest twentieth with a prior of
 * ten excesses of 0.25; all were moved up and down by half on the development series of NAB, which changes the score by less than 4 points.
 * 3,064 bytes a series (twice for histograms), about 1 microsecond a point.
 *
 * Finds: spikes, drops, level shifts, bursts, missing or additional peaks of a daily rhythm, changes of shape, long silence.
 *
 * Misses: slow drift (the level follows), rhythms other than a day (a week is learnt only as a wider range), silence before it ends, and what is less than a few
 * times what the series did before.
 *
 * Reference: Lavin and Ahmad 2015 (NAB); Hill 1975; Liu and Xie 2020; Vovk et al. 2005 (conformal prediction); Liu and Paparrizos 2024 (TSB-AD).
 */
export const seriesAnomaly = defineDetector<State>({
  name: 'series-anomaly',
  category: 'signal',
  version: 1,
  title: '{subject} shows what it never did',
  consumes: ['metricPoint'],
  maxSubjects: 100_000,
  quantity: { name: 'points of the series for each one as strange', value: Math.exp },
  leastSpread: 1,
  weight: 1,
  effectFloor: 0,
  perLook: true,
  build: () => ({
    subjects(event) {
      const { service, environment, series, metric } = event as MetricPointEvent
      if (isHealthMetric(metric)) return []
      return [{ subject: { kind: 'series', id: series }, population: `${environment}/${service}/${series}` }]
    },

    create: () => ({
      values: createSeries(),
      pace: null,
      last: { time: 0, value: 0, count: 0 },
      points: 0,
      broken: 0,
      alwaysBroken: false,
    }),

    update(state, event) {
      const point = event as MetricPointEvent
      state.points++
      if (!Number.isFinite(point.value)) return brokenPoint(state)
      state.broken = 0
      const pace = point.pointKind === 'histogram' ? paceOf(point, state.last) : null
      const value = readingOf(point, state.last)
      let pValue = 1
      let armed = false
      let told: SeriesLook | null = null
      if (value !== null && Number.isFinite(value)) {
        lookAtPoint(state.values, point.time, value, look)
        pValue = look.pValue
        armed = look.armed
        told = look
      }
      if (pace !== null && Number.isFinite(pace)) {
        state.pace ??= createSeries()
        lookAtPoint(state.pace, point.time, pace, paceLook)
        if (paceLook.armed) {
          armed = true
          if (paceLook.pValue < pValue) told = paceLook
          pValue = Math.min(1, 2 * Math.min(pValue, paceLook.pValue))
        }
      }
      if (!armed || told === null) return { score: 0, pValue: null, events: state.points, evidence: nothing, sketch: null }
      return {
        score: -Math.log(pValue),
        pValue,
        events: state.points,
        quietMicros: quietOf(state),
        evidence:
          pValue <= telling ? evidenceOf(told === look ? value! : pace!, told, told === look ? state.values : state.pace!) : nothing,
        sketch: null,
      }
    },

    encode(state) {
      const writer = new ByteWriter(1024)
        .f64(state.points)
        .f64(state.broken)
        .u8(state.alwaysBroken ? 1 : 0)
      writer.f64(state.last.time).f64(state.last.value).f64(state.last.count)
      writeSeries(writer, state.values)
      writer.u8(state.pace === null ? 0 : 1)
      if (state.pace !== null) writeSeries(writer, state.pace)
      return writer.finish()
    },

    decode(bytes) {
      const reader = new ByteReader(bytes)
      const points = reader.f64()
      const broken = reader.f64()
      const alwaysBroken = reader.u8() === 1
      const last = { time: reader.f64(), value: reader.f64(), count: reader.f64() }
      const values = readSeries(reader)
      const pace = reader.u8() === 1 ? readSeries(reader) : null
      return { values, pace, last, points, broken, alwaysBroken }
    },
  }),
  example: seriesExample,
})

/** A value that is not finite: impossible, unless the series began that way. */
function brokenPoint(state: State): Finding {
  state.broken++
  if (state.points <= beginning) state.alwaysBroken = true
  if (state.alwaysBroken) return { score: 0, pValue: null, events: state.points, evidence: nothing, sketch: null }
  return {
    score: -Math.log(impossible),
    pValue: impossible,
    events: state.points,
    category: 'activation',
    quietMicros: quietOf(state),
    evidence: { test: 'not finite', pointsInARow: state.broken },
    sketch: null,
  }
}

/** An incident is over after twice the shadow of a peak, and five minutes at least. */
function quietOf({ values }: State): number {
  return Math.max(300e6, 60 * usualInterval(values))
}

function evidenceOf(value: number, found: SeriesLook, series: SeriesState): Evidence {
  const origin = series.scalars[0]
  return {
    test: found.test,
    value,
    expected: value - found.residual,
    lowestAtThisTime: found.lowest <= found.highest ? found.lowest + origin : null,
    highestAtThisTime: found.lowest <= found.highest ? found.highest + origin : null,
    usualIntervalSeconds: usualInterval(series) / 1e6,
  }
}
