import type { MetricPointEvent } from '../../src/telemetry/events.ts'

/** What the last point of a series said, where its meaning hangs on it: cumulative sums and histograms. */
export interface LastPoint {
  time: number
  value: number
  count: number
}

export const cumulative = 2

/**
 * The number that a point stands for, null where there is none. A gauge is itself; a sum that only grows is its rate a second since the
 * point before (after a reset: since zero); other sums are themselves; a histogram is the mean of what it took in since then. `last` is
 * moved on.
 */
export function readingOf(point: MetricPointEvent, last: LastPoint): number | null {
  const { pointKind, temporality, monotonic, value, time } = point
  if (pointKind === 'gauge' || (pointKind === 'sum' && (temporality !== cumulative || !monotonic))) return value
  const known = last.time > 0
  const seconds = (time - last.time) / 1e6
  // A late point would turn a rate around.
  if (known && seconds <= 0 && temporality === cumulative) return null
  const reset = pointKind === 'sum' ? value < last.value : (point.count ?? 0) < last.count
  const before = known && temporality === cumulative && !reset ? last : zero
  const gained = value - before.value
  const counted = (point.count ?? 0) - before.count
  last.time = time
  last.value = value
  last.count = point.count ?? 0
  if (temporality === cumulative && !known) return null
  if (pointKind === 'sum') return gained / seconds
  return counted > 0 ? gained / counted : null
}

/** How many observations a histogram took in a second since the last one; null where that is not known. Called before `readingOf`. */
export function paceOf(point: MetricPointEvent, last: LastPoint): number | null {
  const seconds = (point.time - last.time) / 1e6
  if (point.count === null || last.time <= 0 || seconds <= 0) return null
  const counted = point.temporality === cumulative && point.count >= last.count ? point.count - last.count : point.count
  return counted / seconds
}

const zero: Readonly<LastPoint> = { time: 0, value: 0, count: 0 }
