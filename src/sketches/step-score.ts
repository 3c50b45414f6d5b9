import { historicalP, historySize, learnScore } from './score-history.ts'

/** Tests of a quantity: sudden and slow. */
const tests = 2
/** Steps before anything is judged. */
const shortest = 100
/** Residuals wait so many steps before they are learnt: what is wrong now must not be its own norm. */
const delay = 32
const waiting = tests * historySize
/** Float32 values of a quantity: 608 bytes. */
export const stepBlockSize = waiting + tests * delay
export const stepScalarCount = 7

const seen = 0
const level = 1
const spread = 2
const slowLevel = 3
const slowSpread = 4
const cumulated = 5

const levelRate = 0.1
const slowRate = 0.02
const spreadRate = 0.02
/** Residuals beyond six spreads are learnt as six: a fault must not become the norm. */
const most = Math.exp(6)
/**
 * Drift of the cumulated evidence: each step adds -ln p - 3, never falling below zero. For p uniform, -ln p is exponential, and Lundberg's
 * inequality bounds the chance of reaching x by exp(-0.9405 x) (the root of exp(-3 t) = 1 - t).
 */
const drift = 3
const decay = 0.9405
/** So that what is over is over after ten steps. */
const mostCumulated = 30

/** p-values of one step of one quantity, smallest over the tests of a direction. */
export interface StepLook {
  rise: number
  fall: number
  expected: number
}

/**
 * How strange `value` is for a quantity that moves as training goes on (on a scale where its noise is about normal, `least` being the
 * least noise to believe in). Writes `look` and takes the value in.
 *
 * Two residuals, each in units of its own running spread: against the recent level (exponential mean over 10 steps), and of that level
 * against a slow one (over 50). A residual r becomes the score e^r, so that the power-law tail of `historicalP` is an exponential tail of r:
 * heavier than a normal one, fitted to the quantity's own largest residuals. Evidence of consecutive steps adds up.
 */
export function lookAtStep(block: Float32Array, scalars: Float64Array, value: number, least: number, look: StepLook): void {
  const count = scalars[seen]++
  if (count === 0) {
    scalars[level] = value
    scalars[slowLevel] = value
  }
  look.expected = scalars[level]
  const sudden = value - scalars[level]
  scalars[level] += sudden * Math.max(levelRate, 1 / (count + 1))
  const slow = scalars[level] - scalars[slowLevel]
  scalars[slowLevel] += (value - scalars[slowLevel]) * Math.max(slowRate, 1 / (count + 1))
  look.rise = 1
  look.fall = 1
  judge(block, scalars, 0, sudden, spread, least, count, look)
  judge(block, scalars, 1, slow, slowSpread, least / 3, count, look)
}

function judge(
  block: Float32Array,
  scalars: Float64Array,
  test: number,
  residual: number,
  at: number,
  least: number,
  count: number,
  look: StepLook,
): void {
  const unit = Math.max(least, 1.25 * scalars[at])
  let p = count < shortest ? 1 : historicalP(block, test * historySize, scoreOf(residual / unit))
  if (test === 0) {
    const side = cumulated + (residual >= 0 ? 0 : 1)
    const other = cumulated + (residual >= 0 ? 1 : 0)
    scalars[side] = Math.max(0, Math.min(mostCumulated, scalars[side] - Math.log(p) - drift))
    scalars[other] = Math.max(0, scalars[other] - drift)
    p = Math.min(p, Math.exp(-decay * scalars[side]))
  }
  if (residual >= 0) look.rise = Math.min(look.rise, p)
  else look.fall = Math.min(look.fall, p)
  const slot = waiting + test * delay + (count % delay)
  if (count >= delay && !Number.isNaN(block[slot])) {
    const old = Math.abs(block[slot])
    learnScore(block, test * historySize, Math.min(scoreOf(old / unit), most))
    const bounded = count > 2 * delay ? Math.min(old, 3 * Math.max(scalars[at], least)) : old
    scalars[at] += (bounded - scalars[at]) * Math.max(spreadRate, 1 / (count + 1 - delay))
  }
  block[slot] = residual
}

/** The newest step was part of a fault: its residuals will not be learnt. */
export function leaveStepOut(block: Float32Array, scalars: Float64Array): void {
  const newest = waiting + ((scalars[seen] - 1) % delay)
  for (let test = 0; test < tests; test++) block[newest + test * delay] = Number.NaN
}

function scoreOf(distance: number): number {
  return Math.exp(Math.min(80, Math.abs(distance)))
}
