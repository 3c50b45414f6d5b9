/**
 * P(Z > z) of a standard normal Z, relative error below 2e-7 for all z (Chebyshev fit of erfc after Press et al., Numerical Recipes).
 */
export function normalTail(z: number): number {
  const x = Math.abs(z) / Math.SQRT2
  const t = 2 / (2 + x)
  let series = coefficients[coefficients.length - 1]
  for (let i = coefficients.length - 2; i >= 0; i--) series = coefficients[i] + t * series
  const tail = 0.5 * t * Math.exp(-x * x + series)
  return z >= 0 ? tail : 1 - tail
}

/** The z with P(Z > z) = p, by bisection; p in (0, 1). */
export function normalQuantile(p: number): number {
  let low = -38
  let high = 38
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (normalTail(middle) > p) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/**
 * P(T > t) of Student's t with `freedom` degrees of freedom, through Wallace's (1959) transformation to a normal variable: within a few
 * per cent for the degrees of freedom above five that are used here.
 */
export function studentTail(t: number, freedom: number): number {
  return normalTail(Math.sign(t) * Math.sqrt(freedom * Math.log1p((t * t) / freedom)) * wallace(freedom))
}

/** The t with P(T > t) = p under the same transformation. */
export function studentQuantile(p: number, freedom: number): number {
  const z = normalQuantile(p) / wallace(freedom)
  return Math.sign(z) * Math.sqrt(freedom * Math.expm1((z * z) / freedom))
}

function wallace(freedom: number): number {
  return (8 * freedom + 1) / (8 * freedom + 3)
}

const coefficients = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277,
] as const
