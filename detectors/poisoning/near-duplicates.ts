import type { ClassResiduals } from '../../src/sketches/class-residuals.ts'
import { negativeBinomialTail } from '../../src/sketches/count-tails.ts'
import type { SampleBlock } from './sample-block.ts'

/** A copy lies nearer to its twin than this part of what is usual. */
const copyDistance = 0.5
/** Samples of one source and class that are compared with each other at most, evenly chosen. */
const mostCompared = 128
/** Pseudo-count of the rate of near-duplicates: no run is so clean that one pair proves anything. */
const priorCount = 1
/** Shape of the sources' rates, which differ among honest ones; on clean runs the p-values are then below their nominal rates. */
const rateShape = 2

/** Near-duplicates of one source among its samples of a block, and the p-value of their number. */
export interface Duplicates {
  readonly pValue: number
  readonly expected: number
  /** Places in the block, nearest twins first. */
  readonly copies: readonly number[]
}

/**
 * Near-duplicate mass by source: samples whose nearest neighbour of the same source and class is less than half as far away as is usual
 * between neighbours of one source in that class (the median), and as their nearest among as many samples of other sources. Copies under other ids are seen at other steps, so that
 * their activations are near but not equal. Two copies are one pair. The number of pairs is compared with the rate of the other sources, among
 * samples or among pairs of samples, whichever expects more (a source of one class meets the same thing twice more often);
 * the source with most is left out of the others but for one pair, so that two who copy do not hide each other.
 */
export function nearDuplicates(block: SampleBlock, residuals: ClassResiduals): Map<number, Duplicates> {
  const classes = new Map<number, number[]>()
  for (let at = 0; at < block.size; at++) if (residuals.usable[at] === 1) push(classes, block.label[at], at)
  const exposures = new Map<number, { samples: number; pairs: number }>()
  const copies = new Map<number, { at: number; distance: number }[]>()
  for (const members of classes.values()) {
    const bySource = new Map<number, number[]>()
    const twins: { at: number; source: number; compared: number; distance: number }[] = []
    for (const at of members) push(bySource, block.source[at], at)
    for (const [source, all] of bySource) {
      const own = evenly(all, Math.min(mostCompared, members.length - all.length))
      if (own.length < 2) continue
      const exposure = exposures.get(source) ?? { samples: 0, pairs: 0 }
      exposure.samples += own.length
      exposure.pairs += (own.length * (own.length - 1)) / 2
      exposures.set(source, exposure)
      for (const at of own) twins.push({ at, source, compared: own.length, distance: nearest(residuals, at, own) })
    }
    const near = copyDistance ** 2 * medianOf(twins.map(({ distance }) => distance))
    for (const { at, source, compared, distance } of twins) {
      if (distance >= near) continue
      const others = evenly(members, compared, (other) => block.source[other] !== source)
      if (distance < copyDistance ** 2 * nearest(residuals, at, others)) push(copies, source, { at, distance })
    }
  }
  const found = new Map<number, Duplicates>()
  for (const [source, mine] of exposures) {
    let others = 0
    let samples = 0
    let pairs = 0
    let most = 0
    for (const [other, exposure] of exposures) {
      if (other === source) continue
      const theirs = (copies.get(other)?.length ?? 0) / 2
      others += theirs
      samples += exposure.samples
      pairs += exposure.pairs
      most = Math.max(most, theirs)
    }
    if (pairs === 0) continue
    const expected = (others - most + Math.min(1, most) + priorCount) * Math.max(mine.samples / samples, mine.pairs / pairs)
    const own = (copies.get(source) ?? []).sort((a, b) => a.distance - b.distance || a.at - b.at)
    const pValue = negativeBinomialTail(Math.floor(own.length / 2), rateShape, expected)
    found.set(source, { pValue, expected, copies: own.map(({ at }) => at) })
  }
  return found
}

/** Squared distance to the nearest of the others, itself left out. */
function nearest({ values, dimensions: d }: ClassResiduals, from: number, others: readonly number[]): number {
  let least = Number.POSITIVE_INFINITY
  for (const at of others) {
    if (at === from) continue
    let sum = 0
    for (let i = 0; i < d && sum < least; i++) {
      const difference = values[at * d + i] - values[from * d + i]
      sum += difference * difference
    }
    if (sum < least) least = sum
  }
  return least
}

function medianOf(values: number[]): number {
  if (values.length === 0) return 0
  return values.sort((a, b) => a - b)[values.length >> 1]
}

/** At most `most` of the list that `takes` accepts, evenly chosen. */
function evenly(list: readonly number[], most: number, takes: (at: number) => boolean = () => true): number[] {
  const accepted = list.filter(takes)
  if (accepted.length <= most) return accepted
  return Array.from({ length: most }, (_, i) => accepted[Math.floor((i * accepted.length) / most)])
}

function push<T>(groups: Map<number, T[]>, key: number, value: T): void {
  const group = groups.get(key)
  if (group === undefined) groups.set(key, [value])
  else group.push(value)
}
