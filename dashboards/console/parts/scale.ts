/** An axis that shows small and great values at once where they lie far apart, else an even one. */
export interface Axis {
  /** Place of a value. */
  at(value: number): number
  readonly ticks: readonly number[]
}

/** Great values are this many times the middle one before the axis is bent. */
const far = 20

/** `values` are all that must have a place between `from` and `to`. */
export function axisOf(values: readonly number[], from: number, to: number): Axis {
  const known = values.filter(Number.isFinite)
  const low = Math.min(...known)
  const high = Math.max(...known)
  const sizes = known
    .map(Math.abs)
    .filter((size) => size > 0)
    .sort((a, b) => a - b)
  const middle = sizes[Math.floor(sizes.length / 2)] ?? 1
  const bent = Math.max(Math.abs(low), Math.abs(high)) > far * middle
  const bend = bent ? (value: number) => Math.asinh(value / middle) : (value: number) => value
  const start = bend(low)
  const span = bend(high) - start || 1
  const at = (value: number) => from + ((bend(value) - start) / span) * (to - from)
  return { at, ticks: spread(bent ? bentTicks(low, high) : evenTicks(low, high), at, (to - from) / 12) }
}

function evenTicks(low: number, high: number): number[] {
  const rough = (high - low) / 6 || 1
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? rough
  const ticks: number[] = []
  for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-9; tick += step) ticks.push(Number(tick.toPrecision(12)))
  return ticks
}

function bentTicks(low: number, high: number): number[] {
  const ticks = low <= 0 && high >= 0 ? [0] : []
  for (let power = -6; power <= 15; power++) {
    for (const factor of [1, 2, 5]) {
      const size = Number((factor * 10 ** power).toPrecision(3))
      for (const tick of [size, -size]) if (tick >= low && tick <= high) ticks.push(tick)
    }
  }
  return ticks.sort((a, b) => a - b)
}

/** Only ticks that leave each other room. */
function spread(ticks: readonly number[], at: (value: number) => number, room: number): number[] {
  const kept: number[] = []
  for (const tick of [...ticks].reverse()) if (kept.length === 0 || at(kept.at(-1)!) - at(tick) >= room) kept.push(tick)
  return kept.reverse()
}
