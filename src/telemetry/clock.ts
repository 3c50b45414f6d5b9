import { count, type Tally } from './tally.ts'

/** How far a producer's clock is believed, in seconds, before and after the append time of its record. */
export interface ClockLimits {
  readonly maxPast: number
  readonly maxFuture: number
}

/**
 * The time of an event, microseconds. Where the record has an append time (`appendMillis` above 0), a time that is too far from it, zero or
 * not finite is clamped to it and counted (`time_past`, `time_future`, `time_missing`). Without one the time is taken as it is.
 * `null`: there is no usable time.
 */
export function believedTime(micros: number, appendMillis: number, limits: ClockLimits, clamped: Tally): number | null {
  const given = Number.isFinite(micros) && micros > 0
  if (!(appendMillis > 0)) return given ? micros : null
  const append = appendMillis * 1000
  const reason = !given
    ? 'time_missing'
    : micros < append - limits.maxPast * 1e6
      ? 'time_past'
      : micros > append + limits.maxFuture * 1e6
        ? 'time_future'
        : null
  if (reason === null) return micros
  count(clamped, reason)
  return append
}
