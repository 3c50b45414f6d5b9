/** Quarters of an hour. */
const bins = 96
/** Share of a visit to a bin by which its level moves. */
const followed = 0.3
/** The range moves by so much towards the level each day: what was seen once is forgotten in about two months. */
const forgotten = 0.02
const dayMicros = 86_400e6
const binMicros = dayMicros / bins

const low = 0
const high = bins
const level = 2 * bins
const visits = 3 * bins
/** Float32 values that a profile takes in its block: 1,536 bytes. */
export const profileSize = 4 * bins

/** What the profile says of a value before it is taken in. */
export interface ProfileLook {
  /** Distance from the range of values seen at this time of day, a quarter of an hour to either side; 0 inside or where none was. */
  outside: number
  /** Difference from the usual level at this time of day; 0 where none is known. */
  residual: number
  /** The range; `lowest` above `highest` where nothing was seen. */
  lowest: number
  highest: number
}

/**
 * The usual day of a series, in `block` from `at` on: for each quarter of an hour (UTC) the range of values and a level. Looks `value` up
 * at `time` (microseconds), writes what it found into `look`, and takes the value in. The level follows by a mean of the first visits and
 * then exponentially, by 30 % a visit however many points a visit has (`pointsPerVisit`, at least 1); residuals beyond `reach` count as
 * `reach`, so that one strange day does not become the expected one.
 */
export function lookAtDay(
  block: Float32Array,
  at: number,
  time: number,
  value: number,
  pointsPerVisit: number,
  reach: number,
  look: ProfileLook,
): void {
  const bin = Math.floor((((time % dayMicros) + dayMicros) % dayMicros) / binMicros)
  look.lowest = Number.POSITIVE_INFINITY
  look.highest = Number.NEGATIVE_INFINITY
  for (let step = -1; step <= 1; step++) {
    const near = at + ((bin + step + bins) % bins)
    if (block[near + visits] === 0) continue
    if (block[near + low] < look.lowest) look.lowest = block[near + low]
    if (block[near + high] > look.highest) look.highest = block[near + high]
  }
  const known = look.lowest <= look.highest
  look.outside = known ? Math.max(0, value - look.highest, look.lowest - value) : 0
  const here = at + bin
  const count = block[here + visits]
  if (count === 0) {
    look.residual = 0
    block[here + low] = value
    block[here + high] = value
    block[here + level] = value
    block[here + visits] = 1
    return
  }
  look.residual = value - block[here + level]
  if (value < block[here + low]) block[here + low] = value
  if (value > block[here + high]) block[here + high] = value
  if (count < 1e6) block[here + visits] = count + 1
  const gain = Math.max(followed / pointsPerVisit, 1 / (count + 1))
  const bounded = count < 2 ? look.residual : Math.max(-reach, Math.min(reach, look.residual))
  block[here + level] += gain * bounded
}

/** A day has passed: ranges shrink a little towards their levels. */
export function ageProfile(block: Float32Array, at: number): void {
  for (let here = at; here < at + bins; here++) {
    if (block[here + visits] === 0) continue
    block[here + low] += forgotten * (block[here + level] - block[here + low])
    block[here + high] += forgotten * (block[here + level] - block[here + high])
  }
}
