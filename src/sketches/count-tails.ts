import { normalQuantile, normalTail } from './normal.ts'

/** ln Gamma(x), x > 0; relative error below 1e-12 (Stirling's series after shifting to x >= 7). */
export function lnGamma(x: number): number {
  let shift = 0
  let at = x
  while (at < 7) shift -= Math.log(at++)
  const z = 1 / (at * at)
  return shift + (at - 0.5) * Math.log(at) - at + 0.9189385332046727 + (1 / 12 - z * (1 / 360 - z * (1 / 1260 - z / 1680))) / at
}

/**
 * P(K >= k) of a negative binomial count with the given mean and shape (variance mean + mean^2 / shape): the predictive distribution of
 * a Poisson count whose rate is known through a gamma posterior.
 */
export function negativeBinomialTail(k: number, shape: number, mean: number): number {
  if (k <= 0) return 1
  if (!(mean > 0)) return 0
  const p = mean / (mean + shape)
  let term = Math.exp(lnGamma(k + shape) - lnGamma(shape) - lnGamma(k + 1) + shape * Math.log1p(-p) + k * Math.log(p))
  let sum = term
  for (let x = k; term > sum * 1e-12 && x < k + 100_000; x++) {
    term *= (p * (x + shape)) / (x + 1)
    sum += term
  }
  return Math.min(1, sum)
}

/** P(X > x) of chi-squared with `freedom` degrees of freedom, which need not be whole (Wilson and Hilferty 1931). */
export function chiSquaredTail(x: number, freedom: number): number {
  const variance = 2 / (9 * freedom)
  return normalTail((Math.cbrt(Math.max(0, x) / freedom) - 1 + variance) / Math.sqrt(variance))
}

/** The x that chi-squared with `freedom` degrees exceeds with probability `p` (Wilson and Hilferty 1931). */
export function chiSquaredQuantile(p: number, freedom: number): number {
  const variance = 2 / (9 * freedom)
  return freedom * Math.max(0, 1 - variance + normalQuantile(p) * Math.sqrt(variance)) ** 3
}

/** P(X > x) of the sum of `n` standard exponential variables: Fisher's method for `n` p-values, whose negative logarithms sum to `x`. */
export function gammaTail(x: number, n: number): number {
  let term = Math.exp(-x)
  let sum = term
  for (let i = 1; i < n; i++) {
    term *= x / i
    sum += term
  }
  return Math.min(1, sum)
}

/** P(F > f) of Fisher's F (Paulson 1942). */
export function fisherTail(f: number, freedom1: number, freedom2: number): number {
  const a = 2 / (9 * freedom1)
  const b = 2 / (9 * freedom2)
  const root = Math.cbrt(Math.max(0, f))
  return normalTail(((1 - b) * root - (1 - a)) / Math.sqrt(b * root * root + a))
}

/** P(Z > z) of a standardised sum with the given skewness: Pearson's type III curve (a shifted gamma), normal where skewness is 0. */
export function skewedTail(z: number, skewness: number): number {
  if (skewness < 1e-3) return normalTail(z)
  const shape = 4 / (skewness * skewness)
  return chiSquaredTail(2 * (shape + z * Math.sqrt(shape)), 2 * shape)
}
