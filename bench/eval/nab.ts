/** A series of the Numenta Anomaly Benchmark: its timestamps, run-length coded, and the windows that hold its anomalies. */
export interface NabSeries {
  readonly id: string
  readonly times: { readonly start: number; readonly steps: readonly (readonly [number, number])[] }
  /** First and last timestamp of each window. */
  readonly windows: readonly (readonly [string, string])[]
}

export const profiles = {
  standard: { alarm: 0.11, miss: 1 },
  'low false positives': { alarm: 0.22, miss: 1 },
  'low false negatives': { alarm: 0.11, miss: 2 },
} as const
export type Profile = keyof typeof profiles

export interface NabResult {
  /** 100 for every window found at its left edge and nothing else, 0 for nothing at all. */
  readonly score: number
  readonly threshold: number
  readonly found: number
  readonly windows: number
  readonly falsePoints: number
  readonly raw: number
  readonly null: number
  readonly perfect: number
}

interface Point {
  readonly score: number
  /** Number of the window that holds the point, over all series; -1 outside. */
  readonly window: number
  readonly weight: number
}

/**
 * NAB's score (Lavin and Ahmad 2015, version 1.1). `scores` holds, by series, unix second and score of each point. One threshold for all
 * series, the best for the profile unless one is given. Of a window the earliest detection counts most; a detection outside costs the
 * more the further behind a window it is; the first 15 % of a series, at most 750 points, do not count.
 */
export function nabScore(
  series: readonly NabSeries[],
  scores: ReadonlyMap<string, readonly (readonly [number, number])[]>,
  profile: Profile,
  threshold: number | null = null,
): NabResult {
  const points: Point[] = []
  const reachable = new Set<number>()
  let windows = 0
  for (const one of series) {
    points.push(...pointsOf(one, scores.get(one.id) ?? [], windows))
    windows += one.windows.length
  }
  for (const { window } of points) if (window >= 0) reachable.add(window)
  points.sort((a, b) => b.score - a.score)

  const { alarm, miss } = profiles[profile]
  const empty = -miss * reachable.size
  const gains = new Map<number, number>()
  let raw = empty
  let falsePoints = 0
  let best = { raw, threshold: Number.POSITIVE_INFINITY, found: 0, falsePoints }
  let last = best
  for (let i = 0; i < points.length && points[i]!.score > Number.NEGATIVE_INFINITY; ) {
    const cut = points[i]!.score
    if (threshold !== null && cut < threshold) break
    for (; i < points.length && points[i]!.score === cut; i++) {
      const { window, weight } = points[i]!
      if (window < 0) {
        raw += alarm * weight
        falsePoints++
        continue
      }
      const gain = weight / weightAt(-1)
      const before = gains.get(window) ?? -miss
      if (gain > before) raw += gain - before
      gains.set(window, Math.max(gain, before))
    }
    last = { raw, threshold: cut, found: gains.size, falsePoints }
    if (raw > best.raw) best = last
  }
  const answer = threshold === null ? best : last
  const score = windows === empty ? 0 : (100 * (answer.raw - empty)) / (windows - empty)
  return { ...answer, score, windows, null: empty, perfect: windows }
}

function pointsOf({ times, windows }: NabSeries, scored: readonly (readonly [number, number])[], firstWindow: number): Point[] {
  const stamps = [times.start]
  for (const [step, count] of times.steps) for (let i = 0; i < count; i++) stamps.push(stamps[stamps.length - 1]! + step)
  const at = (text: string): number => stamps.indexOf(Math.round(Date.parse(`${text.slice(0, 19).replace(' ', 'T')}Z`) / 1000))
  const edges = windows.map(([from, to]) => [at(from), at(to)] as const)
  // Where a series repeats a timestamp, scores are taken in order.
  const byTime = new Map<number, number[]>()
  for (const [time, score] of scored) byTime.set(time, [...(byTime.get(time) ?? []), score])
  const probation = Math.min(Math.floor(0.15 * stamps.length), 750)
  return stamps.flatMap((stamp, i) => {
    const score = byTime.get(stamp)?.shift() ?? Number.NEGATIVE_INFINITY
    if (i < probation) return []
    const inside = edges.findIndex(([from, to]) => from <= i && i <= to)
    if (inside >= 0) {
      const [from, to] = edges[inside]!
      return [{ score, window: firstWindow + inside, weight: weightAt(-(to - i + 1) / (to - from + 1)) }]
    }
    const before = edges.filter(([, to]) => to < i).at(-1)
    return [{ score, window: -1, weight: before && before[1] > before[0] ? weightAt((i - before[1]) / (before[1] - before[0])) : -1 }]
  })
}

/** Weight at a place relative to a window: -1 its left edge, 0 its right edge, beyond it in window widths. */
function weightAt(place: number): number {
  return place > 3 ? -1 : 2 / (1 + Math.exp(5 * place)) - 1
}
