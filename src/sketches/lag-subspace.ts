const lags = 8
const rank = 2
/** The covariance follows the last 100 points. */
const rate = 0.01
/** Points between two steps of the power iteration. */
const stepsEvery = 8

const window = 0
const covariance = lags
const basis = covariance + lags * lags
/** Float32 values that a subspace takes in its block: 352 bytes. */
export const subspaceSize = basis + rank * lags

const scratch = new Float64Array(lags)

/**
 * Online principal subspace of lag windows (the last 8 values, centred by the caller), in `block` from `at` on: distance of the newest
 * window from the span of the 2 strongest directions of the windows before it. An exponentially weighted covariance is followed by one
 * step of orthogonal iteration every 8 points (Oja and Karhunen 1985; subspace residuals of lag windows are the strongest cheap detectors
 * of TSB-AD, Liu and Paparrizos 2024). Takes `value` in as point number `count` (from 0).
 */
export function subspaceResidual(block: Float32Array, at: number, value: number, count: number): number {
  block.copyWithin(at + window + 1, at + window, at + window + lags - 1)
  block[at + window] = value
  if (count === 0) startBasis(block, at)
  if (count < lags) return 0
  for (let i = 0; i < lags; i++) scratch[i] = block[at + window + i]
  for (let r = 0; r < rank; r++) {
    const row = at + basis + r * lags
    let dot = 0
    for (let i = 0; i < lags; i++) dot += block[row + i] * scratch[i]
    for (let i = 0; i < lags; i++) scratch[i] -= dot * block[row + i]
  }
  let energy = 0
  for (let i = 0; i < lags; i++) energy += scratch[i] * scratch[i]
  const gain = Math.max(rate, 1 / (count - lags + 2))
  for (let i = 0; i < lags; i++) {
    const left = block[at + window + i]
    const row = at + covariance + i * lags
    for (let j = 0; j < lags; j++) block[row + j] += gain * (left * block[at + window + j] - block[row + j])
  }
  if (count % stepsEvery === 0) iterate(block, at)
  return Math.sqrt(energy)
}

function startBasis(block: Float32Array, at: number): void {
  for (let r = 0; r < rank; r++) {
    for (let i = 0; i < lags; i++) {
      block[at + basis + r * lags + i] = Math.sqrt((r === 0 ? 1 : 2) / lags) * Math.cos((Math.PI * r * (i + 0.5)) / lags)
    }
  }
}

function iterate(block: Float32Array, at: number): void {
  for (let r = 0; r < rank; r++) {
    const row = at + basis + r * lags
    for (let i = 0; i < lags; i++) {
      let dot = 0
      for (let j = 0; j < lags; j++) dot += block[at + covariance + i * lags + j] * block[row + j]
      scratch[i] = dot
    }
    for (let other = 0; other < r; other++) {
      const before = at + basis + other * lags
      let dot = 0
      for (let i = 0; i < lags; i++) dot += scratch[i] * block[before + i]
      for (let i = 0; i < lags; i++) scratch[i] -= dot * block[before + i]
    }
    let norm = 0
    for (let i = 0; i < lags; i++) norm += scratch[i] * scratch[i]
    norm = Math.sqrt(norm)
    if (!(norm > 1e-30) || !Number.isFinite(norm)) continue
    for (let i = 0; i < lags; i++) block[row + i] = scratch[i] / norm
  }
}
