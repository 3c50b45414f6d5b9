/** Vectors as seen from their class. */
export interface ClassResiduals {
  readonly dimensions: number
  /** Whitened residuals, one after another; zeros where `usable` is 0. Their length is at most `clip`. */
  readonly values: Float64Array
  /** 0 for vectors that are all zeros and for classes of one. */
  readonly usable: Uint8Array
  readonly clip: number
}

/** Covariances are estimated from so many members of a class for each dimension, and so many at least, evenly chosen. */
const membersPerDimension = 6
const leastMembers = 200
/**
 * Part of the mean variance that is added to every direction, so that dead units do not explode. Triggers that leave the label right lie off the
 * ways in which a class varies and show better with less of it; foreign pictures, which lie far out, show better with more.
 */
const ridge = 0.05

/**
 * Class-conditional Mahalanobis residuals L_c^-1 (x - mu_c) without a trusted reference (after Lee et al. 2018). Mean and covariance of
 * each class are weighted: a vector farther from the plain mean than 1.5 times the median distance counts only as much as if it lay
 * there. The covariance is shrunk towards the one that all classes share, by 2 d / (2 d + n) (Friedman 1989), and towards a multiple of the
 * identity. Residuals are clipped at about the 95 % radius of d normal variables, so that no single vector can dominate a sum.
 *
 * `vectors` holds `size` vectors of `dimensions` numbers, `classes` their class numbers.
 */
export function classResiduals(vectors: Float32Array, dimensions: number, classes: ArrayLike<number>, size: number): ClassResiduals {
  const d = dimensions
  const clip = Math.sqrt(d) + 1.2
  const values = new Float64Array(size * d)
  const usable = new Uint8Array(size)
  const members = new Map<number, number[]>()
  for (let at = 0; at < size; at++) {
    if (isZero(vectors, at * d, d)) continue
    const list = members.get(classes[at])
    if (list === undefined) members.set(classes[at], [at])
    else list.push(at)
  }
  const weights = new Float64Array(size).fill(1)
  const centred = new Float64Array(d)
  const chosen = new Map([...members].map(([name, list]) => [name, evenly(list, Math.max(leastMembers, membersPerDimension * d))]))
  for (const list of chosen.values()) weighByDistance(vectors, d, list, weights)
  for (const [name, { mean, inverse }] of estimate(vectors, d, chosen, weights)) {
    const list = members.get(name)!
    for (const at of list) {
      const length = whiten(vectors, at * d, mean, inverse, values, centred)
      if (length > clip) for (let i = at * d; i < (at + 1) * d; i++) values[i] *= clip / length
      usable[at] = list.length > 1 ? 1 : 0
    }
  }
  return { dimensions, values, usable, clip }
}

function evenly(list: readonly number[], most: number): readonly number[] {
  if (list.length <= most) return list
  return Array.from({ length: most }, (_, i) => list[Math.floor((i * list.length) / most)])
}

/** First weights: what lies farther from the mean than 1.5 times the median distance counts as if it lay there. */
function weighByDistance(vectors: Float32Array, d: number, list: readonly number[], weights: Float64Array): void {
  const mean = new Float64Array(d)
  for (const at of list) for (let i = 0; i < d; i++) mean[i] += vectors[at * d + i] / list.length
  const distances = Float64Array.from(list, (at) => {
    let sum = 0
    for (let i = 0; i < d; i++) sum += (vectors[at * d + i] - mean[i]) ** 2
    return Math.sqrt(sum)
  })
  const bound = 1.5 * distances.slice().sort()[list.length >> 1]
  for (const [index, at] of list.entries()) weights[at] = distances[index] > bound ? bound / distances[index] : 1
}

/** Mean of each class, and the inverse of the Cholesky factor of its shrunk covariance. */
function estimate(vectors: Float32Array, d: number, members: ReadonlyMap<number, readonly number[]>, weights: Float64Array) {
  const estimates = new Map<number, { mean: Float64Array; inverse: Float64Array }>()
  const tied = new Float64Array(d * d)
  let total = 0
  for (const [name, list] of members) {
    const { mean, scatter } = scatterOf(vectors, d, list, weights)
    estimates.set(name, { mean, inverse: scatter })
    for (let i = 0; i < d * d; i++) tied[i] += scatter[i]
    total += list.length
  }
  for (const [name, list] of members) {
    const { inverse: factor } = estimates.get(name)!
    const shared = (2 * d) / (2 * d + list.length)
    let trace = 0
    for (let i = 0; i < d * d; i++) factor[i] = ((1 - shared) * factor[i]) / list.length + (shared * tied[i]) / total
    for (let i = 0; i < d; i++) trace += factor[i * d + i]
    for (let i = 0; i < d; i++) factor[i * d + i] += (ridge * trace) / d + 1e-12
    cholesky(factor, d)
    invertLower(factor, d)
  }
  return estimates
}

function isZero(vectors: Float32Array, start: number, d: number): boolean {
  for (let i = start; i < start + d; i++) if (vectors[i] !== 0) return false
  return true
}

/** Weighted mean and sum of squares (lower triangle) of the listed vectors. */
function scatterOf(vectors: Float32Array, d: number, list: readonly number[], weights: Float64Array) {
  const mean = new Float64Array(d)
  const scatter = new Float64Array(d * d)
  const centred = new Float64Array(d)
  let sum = 0
  for (const at of list) {
    const weight = weights[at]
    sum += weight
    for (let i = 0; i < d; i++) mean[i] += weight * vectors[at * d + i]
  }
  for (let i = 0; i < d; i++) mean[i] /= sum
  for (const at of list) {
    const weight = weights[at]
    for (let i = 0; i < d; i++) centred[i] = weight * (vectors[at * d + i] - mean[i])
    for (let i = 0; i < d; i++) {
      const value = centred[i]
      if (value === 0) continue
      const row = i * d
      for (let j = 0; j <= i; j++) scatter[row + j] += value * centred[j]
    }
  }
  return { mean, scatter }
}

/** Lower Cholesky factor in place. */
function cholesky(matrix: Float64Array, d: number): void {
  for (let i = 0; i < d; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * d + j]
      for (let k = 0; k < j; k++) sum -= matrix[i * d + k] * matrix[j * d + k]
      matrix[i * d + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / matrix[j * d + j]
    }
  }
}

/** Inverse of a lower triangular matrix in place. */
function invertLower(matrix: Float64Array, d: number): void {
  for (let j = 0; j < d; j++) {
    matrix[j * d + j] = 1 / matrix[j * d + j]
    for (let i = j + 1; i < d; i++) {
      let sum = 0
      for (let k = j; k < i; k++) sum += matrix[i * d + k] * matrix[k * d + j]
      matrix[i * d + j] = -sum / matrix[i * d + i]
    }
  }
}

/** Writes the whitened residual of the vector at `start` to the same place of `out`; returns its length. `inverse` is L^-1. */
function whiten(
  vectors: Float32Array,
  start: number,
  mean: Float64Array,
  inverse: Float64Array,
  out: Float64Array,
  centred: Float64Array,
): number {
  const d = mean.length
  for (let i = 0; i < d; i++) centred[i] = vectors[start + i] - mean[i]
  let squared = 0
  for (let i = 0; i < d; i++) {
    const row = i * d
    // Two sums that do not wait for each other.
    let even = 0
    let odd = 0
    let k = 0
    for (; k < i; k += 2) {
      even += inverse[row + k] * centred[k]
      odd += inverse[row + k + 1] * centred[k + 1]
    }
    if (k === i) even += inverse[row + i] * centred[i]
    const value = even + odd
    out[start + i] = value
    squared += value * value
  }
  return Math.sqrt(squared)
}
