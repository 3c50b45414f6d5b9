import { historicalP, historySize, learnScore } from './score-history.ts'

/** Tests of a quantity: sudden rise and fall, slow rise and fall. */
const tests = 2
/** Steps before anything is judged. */
const shortest = 100
export const stepBlockSize = tests * historySize
export const stepScalarCount = 10

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
 * Two residuals, each in units of its own running spread: against the recent level (exponential mean over 5 steps), and of that level
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
  const size = Math.abs(residual)
  const unit = Math.max(least, 1.25 * scalars[at])
  const score = Math.exp(Math.min(80, size / unit))
  let p = count < shortest ? 1 : historicalP(block, test * historySize, score)
  learnScore(block, test * historySize, Math.min(score, most))
  if (test === 0) {
    const side = cumulated + (residual >= 0 ? 0 : 1)
    const other = cumulated + (residual >= 0 ? 1 : 0)
    scalars[side] = Math.max(0, Math.min(100, scalars[side] - Math.log(p) - drift))
    scalars[other] = Math.max(0, scalars[other] - drift)
    p = Math.min(p, Math.exp(-decay * scalars[side]))
  }
  if (residual >= 0) look.rise = Math.min(look.rise, p)
  else look.fall = Math.min(look.fall, p)
  const bounded = count > 20 ? Math.min(size, 3 * Math.max(scalars[at], least)) : size
  scalars[at] += (bounded - scalars[at]) * Math.max(spreadRate, 1 / (count + 1))
}
