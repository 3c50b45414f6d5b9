import type { ByteReader, ByteWriter } from './bytes.ts'
import { ageProfile, lookAtDay, type ProfileLook, profileSize } from './day-profile.ts'
import { subspaceResidual, subspaceSize } from './lag-subspace.ts'
import { historicalP, historySize, learnScore, shortestHistory } from './score-history.ts'
import { readDoubles, readSparse, writeDoubles, writeSparse } from './sparse-floats.ts'

/** Everything that is kept of a series: 736 float32 and 15 float64 values, 3,064 bytes. */
export interface SeriesState {
  readonly block: Float32Array
  readonly scalars: Float64Array
}

/** What was found about a point. */
export interface SeriesLook extends ProfileLook {
  /** In (0, 1]; 1 where nothing is known yet and in the shadow of a peak. */
  pValue: number
  /** Which test has the smallest p-value. */
  test: (typeof tests)[number]
  /** False as long as too little is known to judge. */
  armed: boolean
}

const tests = ['time of day', 'range', 'change', 'pattern', 'gap'] as const
/** A gap is often benign: it has a small part of the level, so that it must be long. */
const weights = [1, 1, 1, 1, 0.05] as const
const totalWeight = weights.reduce<number>((sum, weight) => sum + weight, 0)
const pValues = new Float64Array(tests.length)

const dayMicros = 86_400e6
const visitMicros = 900e6
/** The range is that of the present and of the last period of so many days. */
const rangeDays = 60
/** Weight of the newest residual in the recent level. */
const recentRate = 0.3
/** Slowest adaptation of the mean and of the spread. */
const meanRate = 0.002
const spreadRate = 0.003
/** Slowest adaptation of the interval. */
const intervalRate = 0.01
/** Intervals that may pass before silence is a gap. */
const patience = 3
/** After a peak nothing that is no stranger counts for so many points; p-values up to `peakP` make a peak. */
const refractory = 30
const peakP = 0.03

// Where the parts lie in the block.
const profile = 0
const subspace = profile + profileSize
const ofDay = subspace + subspaceSize
const ofRange = ofDay + historySize
const ofRise = ofRange + historySize
const ofFall = ofRise + historySize
const ofPattern = ofFall + historySize
const ofGap = ofPattern + historySize
const blockSize = ofGap + historySize

// Scalars.
const origin = 0
const seen = 1
const lastTime = 2
const interval = 3
const recent = 4
const spread = 5
const mean = 6
const day = 7
const lowest = 8
const highest = 9
const lowestBefore = 10
const highestBefore = 11
const turned = 12
const peak = 13
const shadow = 14
const scalarCount = 15

export function createSeries(): SeriesState {
  return { block: new Float32Array(blockSize), scalars: new Float64Array(scalarCount) }
}

export function createSeriesLook(): SeriesLook {
  return { pValue: 1, test: 'range', armed: false, outside: 0, residual: 0, lowest: 0, highest: 0 }
}

/** Usual time between points, microseconds; 0 before the second one. */
export function usualInterval({ scalars }: SeriesState): number {
  return scalars[interval]
}

/**
 * Looks at a finite value at `time` (microseconds) against all that the series was before, writes what it found, and takes it in.
 *
 * Five tests, each with a p-value by the rank and tail of its own history (`historicalP`): distance from what was seen at this time of day
 * (`lookAtDay`); distance from all that was seen in two to four months; sudden change, which is the residual against the usual level of this time of
 * day less the recent such residuals (exponential, five points), up and down apart; a lag window that leaves the subspace of the last
 * ones (`subspaceResidual`); silence beyond three usual intervals. They are combined by Cauchy's rule (Liu and Xie 2020).
 * Late points are judged and count for range and time of day, but not for what needs order.
 */
export function lookAtPoint({ block, scalars }: SeriesState, time: number, raw: number, look: SeriesLook): void {
  const count = scalars[seen]++
  const today = Math.floor(time / dayMicros)
  if (count === 0) {
    scalars[origin] = raw
    scalars[lastTime] = time
    scalars[day] = today
    scalars[turned] = today
  }
  // Relative to the first value, float32 resolves the series and not its distance from zero.
  const value = Math.max(-1e30, Math.min(1e30, raw - scalars[origin]))
  const elapsed = time - scalars[lastTime]
  const gap = gapOf(scalars, elapsed, count)
  if (today > scalars[day]) turn(block, scalars, today, value)

  const pointsPerVisit = scalars[interval] > 0 ? Math.max(1, visitMicros / scalars[interval]) : 1
  lookAtDay(block, profile, time, value, pointsPerVisit, count > 20 ? 2 * scalars[spread] : Number.POSITIVE_INFINITY, look)
  const above = value - Math.max(scalars[highest], scalars[highestBefore])
  const below = Math.min(scalars[lowest], scalars[lowestBefore]) - value
  const beyond = Math.max(0, above, below)
  if (value < scalars[lowest]) scalars[lowest] = value
  if (value > scalars[highest]) scalars[highest] = value
  const size = Math.abs(look.residual)
  const bounded = count > 20 ? Math.min(size, 3 * scalars[spread]) : size
  scalars[spread] += (bounded - scalars[spread]) * Math.max(spreadRate, 1 / (count + 1))
  scalars[mean] += (value - scalars[mean]) * Math.max(meanRate, 1 / (count + 1))
  const change = look.residual - scalars[recent]
  let pattern = 0
  if (elapsed >= 0) {
    scalars[recent] += recentRate * change
    scalars[lastTime] = time
    pattern = subspaceResidual(block, subspace, value - scalars[mean], count)
  }

  pValues[0] = judge(block, ofDay, look.outside)
  pValues[1] = judge(block, ofRange, beyond)
  const rise = judge(block, ofRise, Math.max(0, change))
  pValues[2] = Math.min(rise, judge(block, ofFall, Math.max(0, -change)))
  pValues[3] = judge(block, ofPattern, pattern)
  pValues[4] = judge(block, ofGap, gap)
  combine(look)
  stayInShadow(scalars, look)
  look.armed = count >= shortestHistory
}

export function writeSeries(writer: ByteWriter, { block, scalars }: SeriesState): void {
  writeSparse(writer, block)
  writeDoubles(writer, scalars)
}

export function readSeries(reader: ByteReader): SeriesState {
  const state = createSeries()
  readSparse(reader, state.block)
  readDoubles(reader, state.scalars)
  return state
}

function judge(block: Float32Array, at: number, score: number): number {
  const p = score > 0 ? historicalP(block, at, score) : 1
  learnScore(block, at, score)
  return p
}

/** Intervals beyond patience that passed since the last point; learns the usual interval. */
function gapOf(scalars: Float64Array, elapsed: number, count: number): number {
  if (!(elapsed > 0)) return 0
  const usual = scalars[interval]
  if (usual === 0) {
    scalars[interval] = elapsed
    return 0
  }
  // A step in logarithms, so that one long silence does not make the interval long.
  scalars[interval] = usual * (1 + Math.max(-0.5, Math.min(1, elapsed / usual - 1)) * Math.max(intervalRate, 1 / (count + 1)))
  return Math.max(0, elapsed / usual - patience)
}

function turn(block: Float32Array, scalars: Float64Array, today: number, value: number): void {
  scalars[day] = today
  ageProfile(block, profile)
  if (today < scalars[turned] + rangeDays) return
  scalars[lowestBefore] = scalars[lowest]
  scalars[highestBefore] = scalars[highest]
  scalars[lowest] = value
  scalars[highest] = value
  scalars[turned] = today
}

function combine(look: SeriesLook): void {
  let sum = 0
  let smallest = 0
  for (let i = 0; i < pValues.length; i++) {
    const p = pValues[i]
    if (p < pValues[smallest]) smallest = i
    // cot(pi p), which is zero or less from 1/2 on, where a test has nothing to say.
    if (p < 0.5) sum += weights[i] / Math.tan(p * Math.PI)
  }
  look.pValue = sum > 0 ? Math.max(1e-300, Math.atan2(totalWeight, sum) / Math.PI) : 0.5
  look.test = tests[smallest]
}

/** One event gives one peak. p-values only grow by this, so they stay valid. */
function stayInShadow(scalars: Float64Array, look: SeriesLook): void {
  if (scalars[shadow] > 0) {
    scalars[shadow]--
    if (look.pValue >= scalars[peak]) {
      look.pValue = 1
      return
    }
  }
  if (look.pValue > peakP) return
  scalars[shadow] = refractory
  scalars[peak] = look.pValue
}
