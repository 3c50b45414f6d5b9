import { negativeBinomialTail } from '../../src/sketches/count-tails.ts'
import type { TrainingSampleEvent } from '../../src/telemetry/events.ts'

/** Samples of one epoch, each once, with its vector. */
export type Epoch = readonly TrainingSampleEvent[]

/**
 * Spectral signatures (Tran, Li, Madry 2018): in each class the vectors are centred, and those with the largest squared projections on the
 * top right singular vector are flagged: 1.5 times the assumed share `poisoned` of the class. The paper is told the share.
 */
export function spectralSignatures(epoch: Epoch, poisoned: number): Set<TrainingSampleEvent> {
  const flagged = new Set<TrainingSampleEvent>()
  for (const members of classesOf(epoch)) {
    const { centred, axes } = principalAxes(members, 1)
    const scores = centred.map((row) => dot(row, axes[0]!) ** 2)
    const order = members.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]!)
    for (const i of order.slice(0, Math.floor(1.5 * poisoned * members.length))) flagged.add(members[i]!)
  }
  return flagged
}

/**
 * Activation clustering (Chen et al. 2018): in each class the vectors are reduced to ten principal components and split by 2-means; the
 * smaller cluster is flagged where it has less than `size` of the class (the paper's relative size rule, 0.35 in common use).
 */
export function activationClustering(epoch: Epoch, size = 0.35): Set<TrainingSampleEvent> {
  const flagged = new Set<TrainingSampleEvent>()
  for (const members of classesOf(epoch)) {
    const { centred, axes } = principalAxes(members, 10)
    const points = centred.map((row) => axes.map((axis) => dot(row, axis)))
    const side = twoMeans(points)
    const ones = side.filter((s) => s === 1).length
    const small = 2 * ones <= side.length ? 1 : 0
    if (Math.min(ones, side.length - ones) >= size * side.length) continue
    for (const [i, s] of side.entries()) if (s === small) flagged.add(members[i]!)
  }
  return flagged
}

/** What is run beside Tidewatch. */
export const sampleRivals: readonly (readonly [string, (epoch: Epoch) => Set<TrainingSampleEvent>])[] = [
  ['spectral signatures, told 5 %', (epoch) => spectralSignatures(epoch, 0.05)],
  ['spectral signatures, told 10 %', (epoch) => spectralSignatures(epoch, 0.1)],
  ['activation clustering', (epoch) => activationClustering(epoch)],
]

/** Level at which a rival's flagged samples make a source suspicious: one false source in twenty runs of twenty sources. */
const rivalLevel = 0.05 / 20

/** Whom flagged samples would name. */
export function suspicious(epoch: Epoch, flagged: ReadonlySet<TrainingSampleEvent>): string[] {
  const counts = new Map<string, { all: number; flagged: number }>()
  for (const sample of epoch) {
    const count = counts.get(sample.source ?? '') ?? { all: 0, flagged: 0 }
    count.all++
    if (flagged.has(sample)) count.flagged++
    counts.set(sample.source ?? '', count)
  }
  return [...counts].flatMap(([source, { all, flagged: mine }]) => {
    const others = epoch.length - all
    const shape = flagged.size - mine + 0.5
    return negativeBinomialTail(mine, shape, (all * shape) / others) <= rivalLevel ? [source] : []
  })
}

function classesOf(epoch: Epoch): TrainingSampleEvent[][] {
  const classes = new Map<string, TrainingSampleEvent[]>()
  for (const sample of epoch) {
    if (sample.activation === null || sample.label === null) continue
    classes.set(sample.label, [...(classes.get(sample.label) ?? []), sample])
  }
  return [...classes.values()].filter((members) => members.length > 10)
}

/** Centred vectors and their first principal axes, by power iteration with deflation. */
function principalAxes(members: readonly TrainingSampleEvent[], count: number): { centred: Float64Array[]; axes: Float64Array[] } {
  const d = members[0]!.activation!.vector.length
  const mean = new Float64Array(d)
  for (const { activation } of members) for (let i = 0; i < d; i++) mean[i]! += activation!.vector[i]! / members.length
  const centred = members.map(({ activation }) => Float64Array.from(activation!.vector, (value, i) => value - mean[i]!))
  const rest = centred.map((row) => row.slice())
  const axes: Float64Array[] = []
  for (let k = 0; k < Math.min(count, d); k++) {
    let axis = Float64Array.from({ length: d }, (_, i) => Math.sin(i + 1 + k))
    for (let step = 0; step < 60; step++) {
      const next = new Float64Array(d)
      for (const row of rest) {
        const along = dot(row, axis)
        for (let i = 0; i < d; i++) next[i]! += along * row[i]!
      }
      const length = Math.sqrt(dot(next, next))
      if (!(length > 0)) break
      axis = next.map((value) => value / length)
    }
    axes.push(axis)
    for (const row of rest) {
      const along = dot(row, axis)
      for (let i = 0; i < d; i++) row[i]! -= along * axis[i]!
    }
  }
  return { centred, axes }
}

/** Lloyd's algorithm from the two ends of the first axis. */
function twoMeans(points: readonly number[][]): number[] {
  const order = points.map((_, i) => i).sort((a, b) => points[a]![0]! - points[b]![0]!)
  let centres = [points[order[0]!]!, points[order.at(-1)!]!]
  let side: number[] = []
  for (let step = 0; step < 100; step++) {
    const next = points.map((point) => (distance(point, centres[0]!) <= distance(point, centres[1]!) ? 0 : 1))
    if (step > 0 && next.every((s, i) => s === side[i])) break
    side = next
    centres = [0, 1].map((s) => {
      const mine = points.filter((_, i) => side[i] === s)
      return mine.length === 0 ? centres[s]! : mine[0]!.map((_, i) => mine.reduce((sum, point) => sum + point[i]!, 0) / mine.length)
    })
  }
  return side
}

function distance(a: readonly number[], b: readonly number[]): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2
  return sum
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}
