import type { SampleBlock } from './sample-block.ts'

/** Of the others' samples, so many lie beyond the bound at least; more where the cluster is not as far out. */
const beyond = 0.02
/** Part of the mean variance that is added to every direction. */
const ridge = 0.05

/**
 * How a cluster inside a class is told from the class as the other sources teach it: Fisher's discriminant, the difference of the means through the
 * inverse of the others' covariance. What lies beyond `bound` along `axis` is near the cluster; `share` of the others' samples do.
 */
export interface ClusterAxis {
  readonly axis: Float64Array
  readonly bound: number
  readonly share: number
}

/** The axis of the samples `cluster`, places in the block, of one source and class; vectors are folded. */
export function clusterAxis(block: SampleBlock, ofClass: number, source: number, cluster: readonly number[]): ClusterAxis {
  const d = block.dimensions
  const vectors = block.vectors()
  const others: number[] = []
  for (let at = 0; at < block.size; at++) if (block.label[at] === ofClass && block.source[at] !== source) others.push(at)
  const ordinary = meanOf(vectors, d, others)
  const covariance = new Float64Array(d * d)
  for (const at of others) {
    for (let i = 0; i < d; i++) {
      const x = (vectors[at * d + i] - ordinary[i]) / others.length
      for (let j = 0; j < d; j++) covariance[i * d + j] += x * (vectors[at * d + j] - ordinary[j])
    }
  }
  let trace = 0
  for (let i = 0; i < d; i++) trace += covariance[i * d + i]
  for (let i = 0; i < d; i++) covariance[i * d + i] += (ridge * trace) / d + 1e-12
  const centre = meanOf(vectors, d, cluster)
  const axis = solve(
    covariance,
    centre.map((value, i) => value - ordinary[i]),
  )
  const project = (members: readonly number[]) =>
    Float64Array.from(members, (at) => along(vectors.subarray(at * d, at * d + d), axis)).sort()
  const theirs = project(others)
  const own = project(cluster)
  const far = theirs[Math.min(theirs.length - 1, Math.floor((1 - beyond) * theirs.length))] ?? Number.POSITIVE_INFINITY
  const bound = Math.min(far, own[own.length >> 1] ?? far)
  const near = theirs.reduce((count, value) => count + (value > bound ? 1 : 0), 0)
  return { axis, bound, share: (near + 1) / (others.length + 2) }
}

/** Inner product of a folded activation with an axis. */
export function along(vector: ArrayLike<number>, axis: Float64Array): number {
  let sum = 0
  for (let i = 0; i < axis.length; i++) sum += vector[i] * axis[i]
  return sum
}

function meanOf(vectors: Float32Array, d: number, members: readonly number[]): Float64Array {
  const mean = new Float64Array(d)
  for (const at of members) for (let i = 0; i < d; i++) mean[i] += vectors[at * d + i] / members.length
  return mean
}

/** x with A x = b for a symmetric positive definite A: conjugate gradients, exact after as many steps as there are numbers. */
function solve(matrix: Float64Array, b: Float64Array): Float64Array {
  const d = b.length
  const x = new Float64Array(d)
  const residual = b.slice()
  const step = b.slice()
  const product = new Float64Array(d)
  let squares = along(residual, residual)
  const enough = squares * 1e-20
  for (let turn = 0; turn < d && squares > enough; turn++) {
    for (let i = 0; i < d; i++) product[i] = along(matrix.subarray(i * d, i * d + d), step)
    const length = squares / along(step, product)
    for (let i = 0; i < d; i++) {
      x[i] += length * step[i]
      residual[i] -= length * product[i]
    }
    const next = along(residual, residual)
    for (let i = 0; i < d; i++) step[i] = residual[i] + (next / squares) * step[i]
    squares = next
  }
  return x
}
